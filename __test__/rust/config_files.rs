#[path = "support/platform.rs"]
mod platform;
use platform::*;

#[tokio::test]
async fn show() {
    for t in [
        "{}",
        "{\n}\n",
        "{ }",
        "{\n  // only a comment\n}\n",
        "{ a: 1 }",
        "{\"a\":1}",
        "{a:1,}",
        "{\n\t'a': 1, // last\n\t/* tail */\n}\n",
        "{\n  a: 1 // x\n}",
        "{\n  a: 1 /* x */, /* y */ // z\n  // w\n}",
        "{ a: 1\n}",
        "{ a: 1,\n b: 2 }",
        "{\r\n    \"a\": 0x10,\r\n    \"models\": {\r\n        \"providers\": { 'other': {x: +1.50e3, } }, // c\r\n    },\r\n}\r\n",
        "{\n  \"models\": {\"providers\": {\"parall\": {\"baseUrl\": 'old' /* why */, // because\n \"models\": []}}}\n}",
        "{\n  \"a\": {\n    \"b\": 1\n  }\n  // trailing note about a\n}\n",
        "\u{feff}{a:1}\n",
        "{\"models\": {\"providers\": {\"parall\": {}}}}\n",
        "{\n  \"agents\": {\n    \"defaults\": {}\n  }\n}",
        "{\n  agents: {\n    defaults: { }, // none\n    list: []\n  }\n}\n",
    ] {
        let p = Place::with(t);
        let r = p.manager(Script::sends(CONFIG)).refresh().await;
        println!(
            "--- {t:?}\n{:?}\n{}",
            r.as_ref().as_ref().map(|o| (o.status, o.written, &o.notes)).map_err(|e| e.to_string()),
            p.text()
        );
        let r = p.manager(Script::sends(CONFIG)).refresh().await;
        println!("again {:?}", r.as_ref().as_ref().map(|o| (o.status, o.written)));
    }
}
