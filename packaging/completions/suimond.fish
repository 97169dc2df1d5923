complete -c suimond -s c -l config -d 'Read this configuration file instead of /etc/suimon/suimon.toml and its conf.d' -r -F
complete -c suimond -s s -l set -d 'Set one option over everything else; may be repeated' -r
complete -c suimond -l check -d 'Check the configuration, print every problem, and exit without starting'
complete -c suimond -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimond -s V -l version -d 'Print version'
