//! Where the socket is. Pure.

use url::Url;

use super::super::error::Error;
use super::super::wire;
use crate::text::one_line;

/// Who named an address, for error texts.
const FROM_OPTIONS: &str = "ws_url of the configuration";
const FROM_TICKET: &str = "ws_url of the server's ticket";
/// Most characters of a host that a message repeats.
const SHOWN: usize = 100;

/// Reads a configured `ws://` or `wss://` address into the `http` form that the HTTP client takes.
pub(super) fn configured(text: &str) -> Result<Url, Error> {
    parse(text, FROM_OPTIONS)
}

/// The address to dial: the configured one, else the ticket's if it is at the API's host, else `/ws` on the API's host.
pub(super) fn choose(
    configured: Option<&Url>,
    ticket: Option<&str>,
    base: &Url,
) -> Result<Url, Error> {
    if let Some(url) = configured {
        return Ok(url.clone());
    }
    if let Some(text) = ticket.map(str::trim).filter(|text| !text.is_empty()) {
        let url = parse(text, FROM_TICKET)?;
        if base.scheme() == "https" && url.scheme() != "https" {
            return Err(refuse(FROM_TICKET, "it is not encrypted, while parall_url is"));
        }
        // Else a server could make this client knock at any door of its network.
        if url.host() != base.host() {
            let host = one_line(url.host_str().unwrap_or_default(), SHOWN);
            let reason = format!(
                "{host} is not the host of parall_url; if it is right, set channels.parall.ws_url"
            );
            return Err(refuse(FROM_TICKET, &reason));
        }
        return Ok(url);
    }
    let mut url = base.clone();
    url.set_path(wire::SOCKET_PATH);
    Ok(url)
}

/// Adds ticket and position to whatever query the address has.
pub(super) fn with_query(mut url: Url, ticket: &str, cursor: Option<u64>) -> Url {
    let mut query = url.query_pairs_mut();
    query.append_pair(wire::TICKET_PARAMETER, ticket);
    if let Some(position) = cursor.filter(|position| *position > 0) {
        query.append_pair(wire::LAST_SEQ_PARAMETER, &position.to_string());
    }
    drop(query);
    url
}

fn parse(text: &str, origin: &'static str) -> Result<Url, Error> {
    let mut url = Url::parse(text.trim()).map_err(|error| refuse(origin, &error.to_string()))?;
    let scheme = match url.scheme() {
        "ws" => "http",
        "wss" => "https",
        _ => return Err(refuse(origin, "it begins with neither ws:// nor wss://")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refuse(origin, "it holds a user name or password"));
    }
    url.set_fragment(None);
    url.set_scheme(scheme).map_err(|()| refuse(origin, "its scheme cannot be mapped to HTTP"))?;
    Ok(url)
}

fn refuse(origin: &'static str, reason: &str) -> Error {
    Error::SocketAddress { origin, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(
        options: Option<&str>,
        ticket: Option<&str>,
        base: &str,
        cursor: Option<u64>,
    ) -> Result<String, Error> {
        let options = options.map(configured).transpose()?;
        let url = choose(options.as_ref(), ticket, &Url::parse(base).unwrap())?;
        Ok(with_query(url, "t&1", cursor).to_string())
    }

    #[test]
    fn the_nearest_word_about_the_address_wins() {
        let table = [
            (None, None, "https://api.h/root", None, "https://api.h/ws?ticket=t%261"),
            (None, None, "http://api.h:8080", Some(0), "http://api.h:8080/ws?ticket=t%261"),
            (
                None,
                Some("wss://API.h:8443/x"),
                "https://api.h",
                Some(5),
                "https://api.h:8443/x?ticket=t%261&last_seq=5",
            ),
            (None, Some(" "), "https://api.h", None, "https://api.h/ws?ticket=t%261"),
            (
                None,
                Some("ws://api.h:1/x?a=b#c"),
                "http://api.h",
                None,
                "http://api.h:1/x?a=b&ticket=t%261",
            ),
            (
                Some("ws://o.h/y?z"),
                Some("wss://s.h"),
                "https://api.h",
                None,
                "http://o.h/y?z&ticket=t%261",
            ),
            (Some("wss://o.h:443/y"), None, "http://api.h", None, "https://o.h/y?ticket=t%261"),
        ];
        for (options, ticket, base, cursor, expected) in table {
            assert_eq!(chosen(options, ticket, base, cursor).unwrap(), expected);
        }
    }

    #[test]
    fn an_address_that_is_no_socket_is_refused_with_its_origin() {
        let table = [
            (Some("http://o.h"), None, FROM_OPTIONS),
            (Some("o.h/ws"), None, FROM_OPTIONS),
            (Some("wss://u:p@o.h"), None, FROM_OPTIONS),
            (None, Some("https://s.h"), FROM_TICKET),
            (None, Some("file:///etc/passwd"), FROM_TICKET),
            (None, Some("ws://api.h"), FROM_TICKET),
            (None, Some("wss://s.h"), FROM_TICKET),
            (None, Some("wss://api.h.evil.example/ws"), FROM_TICKET),
            (None, Some("wss://169.254.169.254/latest"), FROM_TICKET),
            (None, Some("wss://evil.example\\@api.h/"), FROM_TICKET),
        ];
        for (options, ticket, expected) in table {
            let error = chosen(options, ticket, "https://api.h", None).unwrap_err();
            assert!(
                matches!(error, Error::SocketAddress { origin, .. } if origin == expected),
                "{error}"
            );
        }
    }
}
