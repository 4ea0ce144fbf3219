//! Whose key talks to which server.
//!
//! A key is only sent to the address it belongs to: both come from flags, or both from the environment, or both from the
//! configuration, whose gaps the environment fills as it does for the plugin. Somebody who can make an agent type `--url` must
//! not get its key that way.

#![expect(clippy::doc_markdown, reason = "doc comments are what the help prints")]

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::{Map, Value};

use super::failure::Failure;
use crate::account::{DEFAULT_ACCOUNT_ID, list_account_ids, resolve_account};
use crate::api::{Client, ClientOptions, Limits, Network, Secret};
use crate::config::read_section;
use crate::fs;
use crate::organisation::Organisation;

/// Where the account is in the configuration.
const SECTION: [&str; 2] = ["channels", "parall"];
/// Variables that make an account of their own when all are set.
const ENVIRONMENT: [&str; 3] = ["PRLL_API_URL", "PRLL_API_KEY", "PRLL_ORG_ID"];
/// Largest key file, in bytes.
const LARGEST_KEY: usize = 16 * 1024;

/// The account to use. Without these, PRLL_API_URL, PRLL_API_KEY and PRLL_ORG_ID count when all are set, else OpenClaw's
/// configuration.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct Selection {
    /// Account in OpenClaw's configuration.
    #[arg(long, global = true, value_name = "NAME")]
    account: Option<String>,
    /// OpenClaw's configuration, where it is not in its usual place.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address of the server; needs --api-key-file.
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// File that holds the key; needs --url. The key itself never belongs on a command line.
    #[arg(long, global = true, value_name = "FILE")]
    api_key_file: Option<PathBuf>,
    /// Organisation, where it is not the account's own.
    #[arg(long, global = true, value_name = "ORG")]
    org_id: Option<String>,
    /// How long an answer may take. What is safe to repeat is asked for up to three times.
    #[arg(long, global = true, value_name = "SECONDS", default_value = "15", value_parser = seconds)]
    timeout: Duration,
}

/// A time between a tenth of a second and ten minutes.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.1..=600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("it is not between 0.1 and 600".to_owned())
    }
}

/// A command's way to the organisation.
#[derive(Debug)]
pub(super) struct Session {
    /// The organisation.
    pub(super) organisation: Organisation,
}

impl Session {
    /// Chooses the account. Asks no server yet.
    pub(super) fn open(selection: &Selection) -> Result<Self, Failure> {
        let options = options(selection, &|name| env::var(name).ok())?;
        let usual = Limits::default();
        let connect = usual.connect.min(selection.timeout);
        let limits = Limits { connect, request: selection.timeout, ..usual };
        let client = Client::with(options, &Network::from_environment(), limits)?;
        Ok(Self { organisation: Organisation::new(client) })
    }
}

fn options(
    selection: &Selection,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ClientOptions, Failure> {
    let org_id = |own: Option<String>| {
        selection.org_id.clone().or(own).ok_or_else(|| {
            Failure::usage("the organisation is missing: give --org-id, or set PRLL_ORG_ID")
        })
    };
    match (&selection.url, &selection.api_key_file) {
        (Some(url), Some(file)) => Ok(ClientOptions {
            parall_url: url.clone(),
            api_key: key_of(file)?,
            org_id: org_id(environment("PRLL_ORG_ID"))?,
            ws_url: None,
        }),
        (None, None) => {
            let mut config = account(selection, environment)?;
            let mut take = |key: &str| match config.shift_remove(key) {
                Some(Value::String(text)) => text,
                _ => String::new(),
            };
            Ok(ClientOptions {
                parall_url: take("parall_url"),
                api_key: Secret::new(take("api_key")),
                org_id: org_id(Some(take("org_id")))?,
                ws_url: None,
            })
        }
        _ => Err(Failure::usage(
            "--url and --api-key-file go together: a key is only sent to the address it belongs to",
        )),
    }
}

/// The settings of the account, from the environment alone or from the configuration.
fn account(
    selection: &Selection,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<Map<String, Value>, Failure> {
    let is_set = |name: &&str| environment(name).is_some_and(|value| !value.trim().is_empty());
    let is_named = selection.account.is_some() || selection.config.is_some();
    if !is_named && ENVIRONMENT.iter().all(is_set) {
        return Ok(resolve_account(None, None, environment).config);
    }
    let path = match &selection.config {
        Some(path) => path.clone(),
        None => config_path(environment),
    };
    let section = read_section(&path, &SECTION, environment)?;
    if selection.config.is_some() && section.is_none() {
        let shown = path.display();
        return Err(Failure::usage(format!("{shown} has no section channels.parall")));
    }
    let account = resolve_account(section.as_ref(), selection.account.as_deref(), environment);
    let (name, shown) = (&account.account_id, path.display());
    if account.configured && account.enabled {
        Ok(account.config)
    } else if account.configured {
        Err(Failure::usage(format!("the account {name:?} is disabled in {shown}")))
    } else {
        let is_known =
            name == DEFAULT_ACCOUNT_ID || list_account_ids(section.as_ref()).contains(name);
        let reason = if is_known {
            reason(section.as_ref(), &account.config)
        } else {
            "it does not exist".to_owned()
        };
        Err(Failure::usage(format!(
            "the account {name:?} is not configured: {reason} in channels.parall of {shown}; or set {}",
            ENVIRONMENT.join(", ")
        )))
    }
}

/// What an account lacks.
fn reason(section: Option<&Value>, config: &Map<String, Value>) -> String {
    let missing: Vec<_> = ["parall_url", "api_key", "org_id"]
        .into_iter()
        .filter(|key| config.get(*key).and_then(Value::as_str).is_none_or(str::is_empty))
        .map(|key| {
            let written = section.and_then(|section| section.get(key));
            let is_reference = written.is_some_and(Value::is_object);
            let why = if is_reference {
                "is a reference that only the host can follow"
            } else {
                "is missing"
            };
            format!("{key} {why}")
        })
        .collect();
    if missing.is_empty() {
        return "its name is no id, or another account has the same key".to_owned();
    }
    missing.join(", ")
}

/// Where OpenClaw keeps its configuration.
fn config_path(environment: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name: &str| environment(name).filter(|value| !value.trim().is_empty());
    if let Some(path) = set("OPENCLAW_CONFIG_PATH") {
        return path.into();
    }
    let home =
        || set("OPENCLAW_HOME").map(PathBuf::from).or_else(env::home_dir).unwrap_or_default();
    let folder = set("OPENCLAW_STATE_DIR").map_or_else(|| home().join(".openclaw"), PathBuf::from);
    folder.join("openclaw.json")
}

fn key_of(path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    let bytes =
        fs::read(path)?.ok_or_else(|| Failure::local_file(format!("there is no file {shown}")))?;
    let text = String::from_utf8(bytes).ok().filter(|text| text.len() <= LARGEST_KEY);
    text.map(Secret::new).ok_or_else(|| Failure::local_file(format!("{shown} holds no key")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(text: &str) -> Selection {
        #[derive(clap::Parser)]
        struct Only {
            #[command(flatten)]
            selection: Selection,
        }
        let words = ["parall"].into_iter().chain(text.split_whitespace());
        let only: Only = clap::Parser::parse_from(words);
        only.selection
    }

    fn chosen(flags: &str, variables: &[(&str, &str)]) -> Result<ClientOptions, Failure> {
        let environment = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        options(&selection(flags), &environment)
    }

    fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> String {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_string_lossy().into_owned()
    }

    const ALL: [(&str, &str); 3] =
        [("PRLL_API_URL", "http://env"), ("PRLL_API_KEY", "key_env"), ("PRLL_ORG_ID", "org_env")];

    #[test]
    fn flags_win_over_the_environment_and_that_over_the_configuration() {
        let folder = tempfile::tempdir().unwrap();
        let key = file(&folder, "key", "key_flag\n");
        let config = file(
            &folder,
            "openclaw.json",
            r#"{ channels: { parall: { parall_url: "http://file", api_key: "key_file", org_id: "org_file" } } }"#,
        );
        let summary = |options: ClientOptions| {
            format!("{} {} {}", options.parall_url, options.api_key.expose(), options.org_id)
        };
        let flags = format!("--url http://flag --api-key-file {key} --org-id org_flag");
        assert_eq!(summary(chosen(&flags, &ALL).unwrap()), "http://flag key_flag org_flag");
        let with_path = |more: &[(&'static str, &'static str)]| {
            let mut variables = more.to_vec();
            let path: &'static str = config.clone().leak();
            variables.push(("OPENCLAW_CONFIG_PATH", path));
            variables
        };
        assert_eq!(summary(chosen("", &with_path(&ALL)).unwrap()), "http://env key_env org_env");
        assert_eq!(summary(chosen("", &with_path(&[])).unwrap()), "http://file key_file org_file");
        let named = chosen("--account default", &with_path(&ALL)).unwrap();
        assert_eq!(summary(named), "http://file key_file org_file");
    }

    #[test]
    fn a_key_is_never_sent_to_an_address_from_elsewhere() {
        for flags in ["--url http://evil", "--api-key-file /dev/null"] {
            assert!(chosen(flags, &ALL).is_err(), "{flags}");
        }
        // A part of the environment does not redirect a configured key: the file wins.
        let folder = tempfile::tempdir().unwrap();
        let config = file(
            &folder,
            "openclaw.json",
            r#"{ channels: { parall: { parall_url: "http://file", api_key: "k", org_id: "o" } } }"#,
        );
        let variables =
            [("PRLL_API_URL", "http://evil"), ("OPENCLAW_CONFIG_PATH", config.as_str())];
        assert_eq!(chosen("", &variables).unwrap().parall_url, "http://file");
    }

    #[test]
    fn what_is_missing_is_named_without_a_value() {
        let folder = tempfile::tempdir().unwrap();
        let config = file(
            &folder,
            "openclaw.json",
            r#"{ channels: { parall: { api_key: { source: "file", id: "/secret" } } } }"#,
        );
        let error = chosen("", &[("OPENCLAW_CONFIG_PATH", &config)]).unwrap_err();
        let text = error.message();
        assert!(text.contains("api_key is a reference that only the host can follow"), "{text}");
        assert!(text.contains("parall_url is missing"), "{text}");
    }
}
