//! Help, and what is said to those who mistype.

use insta::assert_snapshot;

use crate::person::Person;

#[test]
fn the_help_names_the_commands_and_the_exit_codes() {
    let seen = Person::new().types(&["-h"]);

    assert_eq!((seen.code, seen.stderr.as_str()), (0, ""));
    assert_snapshot!(seen.stdout, @r"
    Makes videos from prompts, and sees them through

    Usage: retake [OPTIONS] <COMMAND>

    Commands:
      generate       Make a video from a prompt
      serve          Run the gateway: the HTTP API that other programs talk to
      videos         List, show, download, delete and cancel videos
      keys           Make, list and revoke API keys
      webhooks       Say who is told when videos end, and see how that went
      models         List the models that can be asked for, with their limits
      doctor         Check that everything works, and say what to do where it does not
      backup         Copy the data directory, while a gateway works on it
      migrate-store  Move the ledger to the PostgreSQL database that `RETAKE_DATABASE_URL` names
      lab            Stand in for the providers on local ports, with faults on demand
      config         Check, show and explain the settings
      completions    Print the completions for a shell, to be sourced by it
      help           Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help (see more with '--help')
      -V, --version  Print version

    Everywhere:
          --config <FILE>   Settings file [default: ./retake.toml, else the one in the user's config
                            folder]
          --data-dir <DIR>  Folder for jobs and videos (variable: `RETAKE_DATA_DIR`)
          --server <URL>    Talk to the gateway at this URL, with the key in `RETAKE_API_KEY` if it
                            needs one (variable: `RETAKE_SERVER`)
          --json            Print data as JSON on stdout, and errors as JSON on stderr
      -q, --quiet           Print only data and errors
      -v, --verbose...      Log to stderr what happens inside; twice for more

    Exit codes:
        0  it worked
        1  the video failed, or something else did
        2  bad usage, settings or input
        3  there is no such video
        4  the server cannot be reached
        5  the output cannot be written, or the disk is full
      130  interrupted (Ctrl-C); 143 when terminated
    ");
}

#[test]
fn the_help_of_generate_tells_its_defaults() {
    let help = Person::new().types(&["generate", "-h"]).stdout;

    for told in [
        "[default: 1280x720, or that of the",
        "[default: 4, or what the",
        "`-` reads it from stdin",
        "--force",
    ] {
        assert!(help.contains(told), "{told:?} in\n{help}");
    }
}

#[test]
fn a_mistyped_flag_is_shown_the_right_one() {
    let seen = Person::new().types(&["generate", "a kite", "--second", "3"]);

    assert_eq!(seen.code, 2);
    assert!(seen.stderr.contains("'--seconds'"), "{}", seen.stderr);
}

#[test]
fn every_command_and_exit_code_is_in_the_guide() {
    let guide = include_str!("../../../../docs/cli.md");
    let help = Person::new().types(&["--help"]).stdout;

    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    for command in commands.map_while(|line| line.split_whitespace().next()) {
        assert!(command == "help" || guide.contains(&format!("`retake {command}")), "{command}");
    }
    let codes = help.lines().skip_while(|line| *line != "Exit codes:").skip(1);
    for code in codes.map(|line| line.split_whitespace().next().unwrap()) {
        assert!(guide.contains(&format!("| {code} |")), "exit code {code}");
    }
}

#[test]
fn completions_come_for_each_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let seen = Person::new().types(&["completions", shell]);

        assert!(seen.code == 0 && seen.stdout.contains("generate"), "{shell}");
    }
}
