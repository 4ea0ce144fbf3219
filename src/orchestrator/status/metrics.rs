//! Views as text for Prometheus, exposition format 0.0.4.

use std::fmt::Write;

use serde_json::Value;

/// One number of a view: the name of the metric, whether it only grows, what it is, and where it stands.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    pointer: &'static str,
    scale: f64,
}

const MILLISECONDS: f64 = 0.001;

const fn gauge(name: &'static str, help: &'static str, pointer: &'static str) -> Metric {
    Metric { name, kind: "gauge", help, pointer, scale: 1.0 }
}

const fn counter(name: &'static str, help: &'static str, pointer: &'static str) -> Metric {
    Metric { name, kind: "counter", help, pointer, scale: 1.0 }
}

const METRICS: [Metric; 15] = [
    gauge(
        "parall_connected",
        "Whether the account is connected to Parall.",
        "/live/status/connected",
    ),
    gauge("parall_waiting_events", "Events that wait for a turn.", "/queue/waiting"),
    gauge("parall_running_events", "Events in a turn.", "/queue/running"),
    gauge(
        "parall_finishing_events",
        "Events whose answer is not acknowledged yet.",
        "/queue/finishing",
    ),
    gauge("parall_dead_letters", "Events given up until somebody decides.", "/queue/dead"),
    Metric {
        name: "parall_oldest_pending_timestamp_seconds",
        kind: "gauge",
        help: "When the oldest event that is not over was admitted.",
        pointer: "/queue/oldestPendingAt",
        scale: MILLISECONDS,
    },
    gauge("parall_active_runs", "Turns that run now.", "/live/status/activeRuns"),
    gauge("parall_forks", "Active forks.", "/live/status/forks"),
    gauge(
        "parall_reconnect_attempts",
        "Attempts to connect since the last success.",
        "/live/status/reconnectAttempts",
    ),
    gauge("parall_journal_bytes", "Bytes of the journal on disk.", "/journalBytes"),
    gauge(
        "parall_native_memory_bytes",
        "Bytes that the native part holds, for all accounts of the process.",
        "/live/status/nativeMemoryBytes",
    ),
    gauge(
        "parall_agent_turns_limit",
        "Turns that agents may cause each other in an hour.",
        "/live/agentTurns",
    ),
    counter(
        "parall_admitted_events_total",
        "Events admitted since the account started.",
        "/live/status/admitted",
    ),
    counter("parall_turns_total", "Turns since the account started.", "/live/activity/turns"),
    counter(
        "parall_failed_turns_total",
        "Turns that failed and are tried again.",
        "/live/activity/failed",
    ),
];

const WAITS: &str = "parall_waiting_seconds";

/// What views say in numbers. A number that a view does not have is left out.
pub fn metrics(views: &[String]) -> String {
    let views: Vec<Value> =
        views.iter().filter_map(|view| serde_json::from_str(view).ok()).collect();
    let mut text = String::new();
    for metric in &METRICS {
        head(&mut text, metric.name, metric.kind, metric.help);
        for view in &views {
            if let Some(number) = view.pointer(metric.pointer).and_then(number) {
                sample(&mut text, metric.name, &account(view), number * metric.scale);
            }
        }
    }
    head(&mut text, WAITS, "histogram", "How long events waited for their first turn.");
    for view in &views {
        histogram(&mut text, view);
    }
    text
}

/// Buckets that hold all shorter times too, as the format wants it.
fn histogram(text: &mut String, view: &Value) {
    let Some(Value::Array(waits)) = view.pointer("/live/activity/waits") else { return };
    let labels = account(view);
    let mut events = 0.0;
    for wait in waits {
        events += number(&wait["events"]).unwrap_or_default();
        let most = match number(&wait["most"]) {
            Some(most) => (most * MILLISECONDS).to_string(),
            None => "+Inf".to_owned(),
        };
        sample(text, &format!("{WAITS}_bucket"), &format!("{labels},le=\"{most}\""), events);
    }
    let waited = view.pointer("/live/activity/waited").and_then(number).unwrap_or_default();
    sample(text, &format!("{WAITS}_sum"), &labels, waited * MILLISECONDS);
    sample(text, &format!("{WAITS}_count"), &labels, events);
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
}

fn sample(text: &mut String, name: &str, labels: &str, number: f64) {
    let _ = writeln!(text, "{name}{{{labels}}} {number}");
}

fn account(view: &Value) -> String {
    let id = view["accountId"].as_str().unwrap_or_default();
    format!("account=\"{}\"", id.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_bool().map(|is| f64::from(u8::from(is))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_of_all_accounts_stand_together_and_missing_ones_are_left_out() {
        let views = [
            json!({ "accountId": "default", "queue": { "waiting": 3, "oldestPendingAt": 1_500 },
                "live": { "status": { "connected": true }, "activity": { "waited": 6_500,
                    "waits": [{ "most": 1_000, "events": 1 }, { "most": null, "events": 2 }] } } }),
            json!({ "accountId": "a\"b\\c\nd", "queue": { "waiting": 0, "oldestPendingAt": null }, "live": null }),
        ];
        let text = metrics(&views.map(|view| view.to_string()));
        for expected in [
            "# HELP parall_waiting_events Events that wait for a turn.\n# TYPE parall_waiting_events gauge\n\
             parall_waiting_events{account=\"default\"} 3\n\
             parall_waiting_events{account=\"a\\\"b\\\\c\\nd\"} 0\n",
            "# TYPE parall_connected gauge\nparall_connected{account=\"default\"} 1\n#",
            "parall_oldest_pending_timestamp_seconds{account=\"default\"} 1.5\n#",
            "# TYPE parall_turns_total counter\n#",
            "parall_waiting_seconds_bucket{account=\"default\",le=\"1\"} 1\n\
             parall_waiting_seconds_bucket{account=\"default\",le=\"+Inf\"} 3\n\
             parall_waiting_seconds_sum{account=\"default\"} 6.5\n\
             parall_waiting_seconds_count{account=\"default\"} 3\n",
        ] {
            assert!(text.contains(expected), "{expected}\nis not in\n{text}");
        }
    }

    #[test]
    fn what_is_no_view_is_left_out() {
        assert!(metrics(&["nonsense".to_owned()]).lines().all(|line| line.starts_with("# ")));
    }
}
