# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_suimon_global_optspecs
    string join \n socket= output= color= h/help V/version
end

function __fish_suimon_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_suimon_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_suimon_using_subcommand
    set -l cmd (__fish_suimon_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c suimon -n "__fish_suimon_needs_command" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_needs_command" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_needs_command" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_needs_command" -s V -l version -d 'Print version'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "status" -d 'Show the daemon\'s health on one screen'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "stats" -d 'Show every counter and gauge'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "top" -d 'Watch who asks most, for what, and what becomes of it'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "check" -d 'Check a configuration without starting anything, or explain an option'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "ask" -d 'Resolve a name through the running daemon and tell how'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "why" -d 'Tell whether a client is served, and which rule decides'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "flush" -d 'Forget what is cached of a name, of a tree, or altogether'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "nta" -d 'Do not validate a zone for a while: negative trust anchors (RFC 7646)'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "anchors" -d 'Show the trust anchors: every key, its state, and when the zone is asked for its keys (RFC 5011)'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "guard" -d 'Show and steer the zone guard, which holds back floods of made-up names'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "incidents" -d 'Show the attacks that suimond has seen, and export them for a CERT'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "reload" -d 'Read the configuration again'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "drill" -d 'Run suimond on a small Internet on loopback addresses, partly hostile, and see what holds'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "completions" -d 'Print a completion script for a shell'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "man" -d 'Write the manual pages into a directory'
complete -c suimon -n "__fish_suimon_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c suimon -n "__fish_suimon_using_subcommand status" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand status" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand status" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand stats" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand stats" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand stats" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand stats" -l prometheus -d 'As Prometheus text, the same as the metrics page'
complete -c suimon -n "__fish_suimon_using_subcommand stats" -l zeros -d 'Also those that are zero'
complete -c suimon -n "__fish_suimon_using_subcommand stats" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand top" -l count -d 'So many looks' -r
complete -c suimon -n "__fish_suimon_using_subcommand top" -l interval -d 'Time between two looks: 100ms to 1h' -r
complete -c suimon -n "__fish_suimon_using_subcommand top" -l rows -d 'Rows of each list at most; on a terminal as many as there is room for' -r
complete -c suimon -n "__fish_suimon_using_subcommand top" -l clients-by -d 'Order of clients' -r -f -a "queries\t'Queries per second'
limited\t'Queries per second that were limited'"
complete -c suimon -n "__fish_suimon_using_subcommand top" -l zones-by -d 'Order of zones' -r -f -a "misses\t'Queries per second that the cache could not answer'
unknown\t'The same for names not known to be real'
failed\t'Look-ups per second that failed'
denied\t'Queries per second that were denied'"
complete -c suimon -n "__fish_suimon_using_subcommand top" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand top" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand top" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand top" -l once -d 'One look, over one interval'
complete -c suimon -n "__fish_suimon_using_subcommand top" -l json -d 'A line of JSON for each look; the same as --output json'
complete -c suimon -n "__fish_suimon_using_subcommand top" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand check" -s s -l set -d 'Set one option over everything else; may be repeated' -r
complete -c suimon -n "__fish_suimon_using_subcommand check" -l explain -d 'Explain an option or a section instead' -r
complete -c suimon -n "__fish_suimon_using_subcommand check" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand check" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand check" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand check" -l host -d 'Also tell which protections against forged sources this host\'s shape makes impossible or leaves unused'
complete -c suimon -n "__fish_suimon_using_subcommand check" -l effective -d 'Print every option in force and where it comes from'
complete -c suimon -n "__fish_suimon_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand ask" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand ask" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand ask" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand ask" -l trace -d 'Show each step: cache, referral, server, time, budget'
complete -c suimon -n "__fish_suimon_using_subcommand ask" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand why" -l interface -d 'As a query that arrives by this interface (guard.bind, guard.route_back)' -r
complete -c suimon -n "__fish_suimon_using_subcommand why" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand why" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand why" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand why" -l tcp -d 'As a query over TCP'
complete -c suimon -n "__fish_suimon_using_subcommand why" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand flush" -l type -d 'Only this type of the name' -r
complete -c suimon -n "__fish_suimon_using_subcommand flush" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand flush" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand flush" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand flush" -l tree -d 'Everything below the name as well, delegations included'
complete -c suimon -n "__fish_suimon_using_subcommand flush" -l all -d 'The whole cache'
complete -c suimon -n "__fish_suimon_using_subcommand flush" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and not __fish_seen_subcommand_from add list remove help" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand nta; and not __fish_seen_subcommand_from add list remove help" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand nta; and not __fish_seen_subcommand_from add list remove help" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand nta; and not __fish_seen_subcommand_from add list remove help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and not __fish_seen_subcommand_from add list remove help" -f -a "add" -d 'Do not validate a zone, nor anything below it, for a while'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and not __fish_seen_subcommand_from add list remove help" -f -a "list" -d 'Show the zones that are not validated'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and not __fish_seen_subcommand_from add list remove help" -f -a "remove" -d 'Validate a zone again'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and not __fish_seen_subcommand_from add list remove help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from add" -l for -d 'How long: 1s to 7d' -r
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from add" -l reason -d 'Why, for those who read the list' -r
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from add" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from add" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from add" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from list" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from list" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from list" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from remove" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from remove" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from remove" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from remove" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from help" -f -a "add" -d 'Do not validate a zone, nor anything below it, for a while'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show the zones that are not validated'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from help" -f -a "remove" -d 'Validate a zone again'
complete -c suimon -n "__fish_suimon_using_subcommand nta; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c suimon -n "__fish_suimon_using_subcommand anchors" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand anchors" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand anchors" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand anchors" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -f -a "status" -d 'Show the zones and servers that are held back, and how the guard stands'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -f -a "shadow" -d 'Say of every limit whether enforcing it is safe: how many known-good queries it held back, or would'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -f -a "pin" -d 'Hold back unknown names of a zone from now on, attacked or not'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -f -a "exempt" -d 'Never hold back anything of a zone, or of the zones of a server for its sake'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -f -a "release" -d 'Take back pin or exempt, and let go of a zone or server that is held back now'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and not __fish_seen_subcommand_from status shadow pin exempt release help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from status" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from status" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from status" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from shadow" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from shadow" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from shadow" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from shadow" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from pin" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from pin" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from pin" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from pin" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from exempt" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from exempt" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from exempt" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from exempt" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from release" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from release" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from release" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from release" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "status" -d 'Show the zones and servers that are held back, and how the guard stands'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "shadow" -d 'Say of every limit whether enforcing it is safe: how many known-good queries it held back, or would'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "pin" -d 'Hold back unknown names of a zone from now on, attacked or not'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "exempt" -d 'Never hold back anything of a zone, or of the zones of a server for its sake'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "release" -d 'Take back pin or exempt, and let go of a zone or server that is held back now'
complete -c suimon -n "__fish_suimon_using_subcommand guard; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -l state-dir -d 'Read the files of this state directory instead of asking a daemon; without details' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -f -a "list" -d 'Show all incidents that are kept, the newest first'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -f -a "show" -d 'Show what is known of one'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -f -a "export" -d 'Write incidents as one JSON document; docs/incidents.md describes it'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and not __fish_seen_subcommand_from list show export help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from list" -l state-dir -d 'Read the files of this state directory instead of asking a daemon; without details' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from list" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from list" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from list" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from show" -l state-dir -d 'Read the files of this state directory instead of asking a daemon; without details' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from show" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from show" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from show" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from show" -l detail -d 'Also whom it concerns; that you looked is written down'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from export" -l state-dir -d 'Read the files of this state directory instead of asking a daemon; without details' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from export" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from export" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from export" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from export" -l all -d 'All that are kept'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from export" -l detail -d 'Also whom they concern; that you looked is written down'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from help" -f -a "list" -d 'Show all incidents that are kept, the newest first'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from help" -f -a "show" -d 'Show what is known of one'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from help" -f -a "export" -d 'Write incidents as one JSON document; docs/incidents.md describes it'
complete -c suimon -n "__fish_suimon_using_subcommand incidents; and __fish_seen_subcommand_from help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c suimon -n "__fish_suimon_using_subcommand reload" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand reload" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand reload" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand reload" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l seed -d 'Everything follows from it: the same number gives the same Internet' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l config -d 'Your own config file for suimond; the drill sets only what it must (listener, root hints, port of servers)' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l zones -d 'Ordinary zones under real names' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l port -d 'Port of suimond on 127.0.0.1 (a free one if absent)' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l servers-port -d 'Port of the Internet\'s servers (a free one if absent; 53 needs privileges and suits resolvers that know no other)' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l hints -d 'Write the Internet\'s root hints to this file' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l against -d 'Test this resolver instead of starting suimond; it must use the root hints of --hints and the --servers-port' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l attack -d 'Play one attack instead of the drill, with a live picture and a verdict; --list names them' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l rate -d 'Queries of the attack per second' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l seconds -d 'Seconds for which it lasts' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l calm -d 'Seconds of calm before it, in which the resolver learns what is asked for' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l after -d 'Seconds for which is watched what comes after it; 60 show whether all is as before' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l servers-netns -d 'Network namespace that the Internet\'s servers live in, as ip netns knows it; clients stay where the drill was started' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l stand-in -d 'Name server that answers for the attacked zones (--zone-files); their servers here count, and hand on to it what they let through' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l zone-files -d 'Write the attacked zones to this directory, as master files named after them, before --hints are written' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l bots -d 'Machines that take part in it' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l capacity -d 'Queries per second that overloaded servers answer' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l pid -d 'Processes of the resolver that --against names: their processor time and memory are reported' -r
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l serve -d 'Leave the Internet and suimond running, to be asked by hand, until Ctrl-C'
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l list -d 'Name the attacks'
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l until-released -d 'End as soon as a bot is answered again about a real name, --after at the latest'
complete -c suimon -n "__fish_suimon_using_subcommand drill" -l json -d 'One JSON document of all figures instead of the picture, as --output json'
complete -c suimon -n "__fish_suimon_using_subcommand drill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand completions" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand completions" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand completions" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand man" -l socket -d 'Control socket of the daemon' -r -F
complete -c suimon -n "__fish_suimon_using_subcommand man" -l output -d 'For whom results are written' -r -f -a "human\t'For people: tables, units, colours. May change from version to version'
json\t'For programs: stable keys, units in the names, "schema" first'"
complete -c suimon -n "__fish_suimon_using_subcommand man" -l color -d 'When colours are used' -r -f -a "auto\t'On a terminal, unless NO_COLOR is set'
always\t'Always'
never\t'Never'"
complete -c suimon -n "__fish_suimon_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "status" -d 'Show the daemon\'s health on one screen'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "stats" -d 'Show every counter and gauge'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "top" -d 'Watch who asks most, for what, and what becomes of it'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "check" -d 'Check a configuration without starting anything, or explain an option'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "ask" -d 'Resolve a name through the running daemon and tell how'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "why" -d 'Tell whether a client is served, and which rule decides'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "flush" -d 'Forget what is cached of a name, of a tree, or altogether'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "nta" -d 'Do not validate a zone for a while: negative trust anchors (RFC 7646)'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "anchors" -d 'Show the trust anchors: every key, its state, and when the zone is asked for its keys (RFC 5011)'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "guard" -d 'Show and steer the zone guard, which holds back floods of made-up names'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "incidents" -d 'Show the attacks that suimond has seen, and export them for a CERT'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "reload" -d 'Read the configuration again'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "drill" -d 'Run suimond on a small Internet on loopback addresses, partly hostile, and see what holds'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "completions" -d 'Print a completion script for a shell'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "man" -d 'Write the manual pages into a directory'
complete -c suimon -n "__fish_suimon_using_subcommand help; and not __fish_seen_subcommand_from status stats top check ask why flush nta anchors guard incidents reload drill completions man help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from nta" -f -a "add" -d 'Do not validate a zone, nor anything below it, for a while'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from nta" -f -a "list" -d 'Show the zones that are not validated'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from nta" -f -a "remove" -d 'Validate a zone again'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "status" -d 'Show the zones and servers that are held back, and how the guard stands'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "shadow" -d 'Say of every limit whether enforcing it is safe: how many known-good queries it held back, or would'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "pin" -d 'Hold back unknown names of a zone from now on, attacked or not'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "exempt" -d 'Never hold back anything of a zone, or of the zones of a server for its sake'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from guard" -f -a "release" -d 'Take back pin or exempt, and let go of a zone or server that is held back now'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from incidents" -f -a "list" -d 'Show all incidents that are kept, the newest first'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from incidents" -f -a "show" -d 'Show what is known of one'
complete -c suimon -n "__fish_suimon_using_subcommand help; and __fish_seen_subcommand_from incidents" -f -a "export" -d 'Write incidents as one JSON document; docs/incidents.md describes it'
