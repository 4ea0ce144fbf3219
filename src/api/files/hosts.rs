//! Hosts that an operator names.

use url::Url;

/// The host that an operator named, alone or in an address, as URLs write it; nothing when the text names none.
pub fn host_name(text: &str) -> Option<String> {
    let text = text.trim();
    let url = if text.contains("://") {
        Url::parse(text)
    } else {
        Url::parse(&format!("https://{text}"))
    };
    let url = url.ok()?;
    (url.username().is_empty() && url.password().is_none()).then_some(())?;
    url.host_str().filter(|host| !host.is_empty()).map(str::to_owned)
}
