# The front door. Every target installs the Debian packages it needs, when they are missing, and says so (packaging/need).
# What none of them can install: cargo and rustc 1.88 or newer (https://rustup.rs).

SHELL = /bin/sh
TARGET ?= $(or $(CARGO_TARGET_DIR),target)
RELEASE = $(TARGET)/release

# Other people's name servers, clients and tools that the tests start and ask, each on addresses of its own.
TEST_PACKAGES = nsd knot bind9 unbound bind9-dnsutils bind9-host knot-dnsutils knot-dnssecutils \
	bind9-utils ldnsutils iproute2 tcpdump dns-root-data libfaketime faketime procps fstrm-bin dnstap-ldns bsdutils gcc libc6-dev

.PHONY: help demo run test bench deb clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile

demo: ## builds Suimon and shows it resolving and refusing on a small Internet of its own
	@packaging/build-release
	$(RELEASE)/suimon drill

run: ## builds suimond and runs it here, 127.0.0.1 port 5353, resolving from the real root servers
	@packaging/need dns-root-data || echo "make run: without dns-root-data the built-in root hints serve"
	@packaging/build-release
	@mkdir -p build/run
	@echo "try:  dig @127.0.0.1 -p 5353 debian.org    stop: Ctrl-C"
	$(RELEASE)/suimond --set 'listen.addresses=["127.0.0.1:5353", "[::1]:5353"]' \
		--set process.state_dir=build/run --set control.socket=build/run/control.sock

test: ## runs every test; as root (or with sudo) those in network namespaces too
	@packaging/need $(TEST_PACKAGES)
	@packaging/run-tests

bench: ## measures: micro benches, instruction counts, the whole process beside its peers
	@packaging/need valgrind dnsperf $(TEST_PACKAGES)
	@packaging/run-benches

deb: ## builds build/suimon_*.deb twice and compares, then checks it
	@packaging/build-deb
	@packaging/check-deb

clean: ## removes what the other targets made here
	cargo clean
	rm -rf build
