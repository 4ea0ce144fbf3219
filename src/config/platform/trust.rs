//! What a server may decide.
//!
//! The platform is trusted with answers, not with the machine: it may say which of its models answers, and nothing that gives
//! power over sandbox, tools, files, commands, prompts or schedules. Whoever is on the way of an unprotected connection can
//! say what the platform says, and more.
//!
//! An address for models gets the account's key and every conversation, and what it answers makes the agent use tools. So
//! it has to be protected, and at a host that the operator named: the account's own, or one of `model_hosts`.

use serde_json::{Map, Value};
use url::{Host, Url};

use super::allowed::keep_models;
use super::refusal::Refusal;
use crate::api::host_name;
use crate::text::one_line;

/// Most characters of a setting that a message repeats.
const SHOWN: usize = 80;

/// How much of a configuration the platform may set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Which of the platform's models answers, and how they are reached.
    Models,
    /// Every key of the two sections that all supported hosts know.
    All,
    /// Nothing: the platform is not even asked.
    Off,
}

/// What the operator of an account lets the platform decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    scope: Scope,
    /// Hosts at which models may be, as URLs write them.
    hosts: Vec<String>,
    /// The server is on this machine, so that its models may be reached in clear on this machine, too.
    is_local: bool,
    warnings: Vec<String>,
}

impl Trust {
    /// From the settings of an account: its server, `platform_config` and `model_hosts`.
    ///
    /// A word that `platform_config` does not know means `off`: whoever wrote it wanted something else than the default.
    pub fn new(parall_url: &str, platform_config: Option<&str>, model_hosts: &[String]) -> Self {
        let mut warnings = Vec::new();
        let server = Url::parse(parall_url.trim()).ok();
        let is_local = server.as_ref().is_some_and(is_loopback);
        let is_protected = server.as_ref().is_some_and(|url| url.scheme() == "https");
        let scope = match platform_config.map(str::trim) {
            None | Some("" | "models") => Scope::Models,
            Some("all") if is_protected || is_local => Scope::All,
            Some("all") => {
                warnings.push(
                    "platform_config is \"all\", which needs an https:// address of the server; it counts as \"models\"."
                        .to_owned(),
                );
                Scope::Models
            }
            Some("off") => Scope::Off,
            Some(other) => {
                let other = one_line(other, SHOWN);
                warnings.push(format!(
                    "platform_config is \"{other}\"; it can be models, all or off. It counts as off."
                ));
                Scope::Off
            }
        };
        let own = server.as_ref().and_then(|url| url.host_str().map(str::to_owned));
        let mut hosts: Vec<_> = own.into_iter().collect();
        for named in model_hosts {
            match host_name(named) {
                Some(host) => hosts.push(host),
                None => warnings.push(format!(
                    "model_hosts names \"{}\", which is not a host.",
                    one_line(named, SHOWN)
                )),
            }
        }
        Self { scope, hosts, is_local, warnings }
    }

    /// Whether the platform is to be asked at all.
    pub(in crate::config) fn is_off(&self) -> bool {
        self.scope == Scope::Off
    }

    /// What is wrong with the settings. For the log.
    pub(in crate::config) fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Takes out of the section at `path` what the platform has no say in, and notes the paths.
    pub(in crate::config) fn restrict(
        &self,
        fields: &mut Map<String, Value>,
        path: &[&str],
        left_out: &mut Vec<String>,
    ) {
        if self.scope != Scope::All {
            keep_models(fields, path, left_out);
        }
    }

    /// Checks the address of the platform's models. Holds in every scope, for the account's key goes there.
    pub(in crate::config) fn check_address(&self, text: &str, path: &str) -> Result<(), Refusal> {
        let refuse = |reason: String| Err(Refusal::Address { path: path.to_owned(), reason });
        let Ok(url) = Url::parse(text) else { return refuse("it is not a URL".to_owned()) };
        // Other programs read URLs in other ways; in this form they all find the same host.
        let normal = url.as_str();
        if normal != text && normal.strip_suffix('/') != Some(text) {
            return refuse("it is not written in the usual form".to_owned());
        }
        if !url.username().is_empty()
            || url.password().is_some()
            || url.query().is_some()
            || url.fragment().is_some()
        {
            return refuse("it holds more than host and path".to_owned());
        }
        let local = self.is_local && is_loopback(&url);
        if url.scheme() != "https" && !(local && url.scheme() == "http") {
            return refuse("it does not begin with https://".to_owned());
        }
        match url.host_str() {
            Some(host) if local || self.hosts.iter().any(|known| known == host) => Ok(()),
            host => {
                let host = one_line(host.unwrap_or_default(), SHOWN);
                refuse(format!(
                    "{host} is not the account's own host; if it belongs to your Parall, add it to channels.parall.model_hosts"
                ))
            }
        }
    }
}

/// Whether a URL leads to this machine.
fn is_loopback(url: &Url) -> bool {
    url.host().is_some_and(|host| match host {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const SERVER: &str = "https://parall.example";

    fn trust(scope: &str) -> Trust {
        Trust::new(SERVER, Some(scope), &["Models.Example".to_owned()])
    }

    fn restricted(path: &[&str], value: Value) -> (Value, Vec<String>) {
        let Value::Object(mut fields) = value else { panic!("an object") };
        let mut left_out = Vec::new();
        trust("models").restrict(&mut fields, path, &mut left_out);
        (Value::Object(fields), left_out)
    }

    #[test]
    fn everything_that_gives_power_over_the_machine_is_left_out_and_named() {
        let model = json!({"primary": "parall/m", "fallbacks": ["parall/n"]});
        let (kept, left_out) = restricted(
            &["agents", "defaults"],
            json!({
                "model": model,
                "thinkingDefault": "low",
                "sandbox": {"mode": "off", "docker": {"binds": ["/:/host"]}, "ssh": {"command": "sh"}},
                "elevatedDefault": "full",
                "workspace": "/",
                "repoRoot": "/",
                "heartbeat": {"prompt": "run rm"},
                "subagents": {},
                "compaction": {"memoryFlush": {"prompt": "x"}},
                "params": {"x": 1},
                "models": {"parall/m": {"alias": "fast", "params": {"temperature": 1, "extra_body": {}}}},
            }),
        );
        assert_eq!(
            kept,
            json!({
                "model": model,
                "thinkingDefault": "low",
                "models": {"parall/m": {"alias": "fast", "params": {"temperature": 1}}},
            })
        );
        let expected = [
            "sandbox",
            "elevatedDefault",
            "workspace",
            "repoRoot",
            "heartbeat",
            "subagents",
            "compaction",
            "params",
            "models.parall/m.params.extra_body",
        ];
        assert_eq!(left_out, expected.map(|key| format!("agents.defaults.{key}")));
    }

    #[test]
    fn a_provider_keeps_what_describes_its_models() {
        let (kept, left_out) = restricted(
            &["models", "providers", "parall"],
            json!({
                "baseUrl": SERVER,
                "api": "bedrock-converse-stream",
                "auth": "aws-sdk",
                "headers": {"x": "y"},
                "request": {"proxy": {}},
                "models": [{"id": "m", "name": "M", "api": "github-copilot", "baseUrl": "https://evil", "headers": {}}],
            }),
        );
        assert_eq!(kept, json!({"baseUrl": SERVER, "models": [{"id": "m", "name": "M"}]}));
        let expected = [
            "api",
            "auth",
            "headers",
            "request",
            "models.0.api",
            "models.0.baseUrl",
            "models.0.headers",
        ];
        assert_eq!(left_out, expected.map(|key| format!("models.providers.parall.{key}")));
    }

    #[test]
    fn models_of_other_providers_are_not_the_platforms_to_choose() {
        let (kept, left_out) = restricted(
            &["agents", "defaults"],
            json!({
                "model": {"primary": "claude-cli/opus", "fallbacks": ["parall/m", "a/b"]},
                "imageModel": "other/m",
                "pdfModel": {"primary": "a/b", "fallbacks": ["c/d"]},
                "models": {"a/b": {"alias": "x"}},
            }),
        );
        assert_eq!(kept, json!({"model": {"fallbacks": ["parall/m"]}}));
        let expected = [
            "model.primary",
            "model.fallbacks",
            "imageModel",
            "pdfModel.primary",
            "pdfModel.fallbacks",
            "models.a/b",
        ];
        assert_eq!(left_out, expected.map(|key| format!("agents.defaults.{key}")));
    }

    #[test]
    fn models_are_only_at_hosts_that_the_operator_named() {
        for good in [
            "https://parall.example",
            "https://parall.example/v1",
            "https://parall.example:8443/v1/",
            "https://models.example/v1",
        ] {
            assert_eq!(trust("models").check_address(good, "p"), Ok(()), "{good}");
        }
        for bad in [
            "http://parall.example/v1",
            "https://evil.example/v1",
            "https://parall.example.evil.example/v1",
            "https://evil.example/parall.example",
            "https://parall.example@evil.example/",
            "https://parall.example:x@parall.example/",
            "https://evil.example\\@parall.example/",
            "https://parall.example\\@evil.example/",
            "https://parall.example./v1",
            "https://PARALL.example/v1",
            " https://parall.example/v1",
            "https://parall.example/v1?x=",
            "https://parall.example/v1#x",
            "https:parall.example/v1",
            "//parall.example/v1",
            "file://parall.example/etc",
            "ws://parall.example/",
            "http://127.0.0.1:1/v1",
            "",
        ] {
            for scope in ["models", "all"] {
                let refused = trust(scope).check_address(bad, "p");
                assert!(matches!(refused, Err(Refusal::Address { .. })), "{bad}: {refused:?}");
            }
        }
    }

    #[test]
    fn a_server_on_this_machine_may_have_its_models_there_in_clear() {
        let local = Trust::new("http://127.0.0.1:4000", None, &[]);
        assert_eq!(local.check_address("http://127.0.0.1:5000/v1", "p"), Ok(()));
        for bad in ["http://10.0.0.1/v1", "http://example.org/", "https://example.org/"] {
            assert!(local.check_address(bad, "p").is_err(), "{bad}");
        }
        let remote = Trust::new("http://10.0.0.1:4000", None, &[]);
        assert!(remote.check_address("http://10.0.0.1:4000/v1", "p").is_err());
    }

    #[test]
    fn settings_that_cannot_be_meant_are_named_and_give_less() {
        for (url, setting, scope, warnings) in [
            (SERVER, None, Scope::Models, 0),
            (SERVER, Some("models"), Scope::Models, 0),
            (SERVER, Some("all"), Scope::All, 0),
            (SERVER, Some(" off "), Scope::Off, 0),
            (SERVER, Some("modles\u{1b}[2J"), Scope::Off, 1),
            (SERVER, Some("false"), Scope::Off, 1),
            ("http://parall.example", Some("all"), Scope::Models, 1),
            ("http://localhost:1", Some("all"), Scope::All, 0),
            ("nowhere", Some("all"), Scope::Models, 1),
        ] {
            let trust = Trust::new(url, setting, &[]);
            assert_eq!((trust.scope, trust.warnings.len()), (scope, warnings), "{url} {setting:?}");
            assert!(!trust.warnings.concat().contains('\u{1b}'));
        }
        let hosts = ["", "https://m.example/v1", "n.example:8443", "a b"].map(str::to_owned);
        let trust = Trust::new(SERVER, None, &hosts);
        assert_eq!(trust.hosts, ["parall.example", "m.example", "n.example"]);
        assert_eq!(trust.warnings.len(), 2);
    }
}
