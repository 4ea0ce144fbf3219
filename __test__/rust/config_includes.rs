//! Configurations in several files: which of them is edited, and what is refused.

use std::fs;
use std::os::unix::fs::symlink;
use std::time::{Duration, SystemTime};

use crate::platform::{KEY, Place, refresh, written};
use parall::config::Status;
use parall::error::Coded;

/// A place with more files beside the configuration.
fn with_files(contents: &str, others: &[(&str, &str)]) -> Place {
    let place = Place::with(contents);
    for (name, contents) in others {
        let path = place.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
    }
    place
}

fn text(place: &Place, name: &str) -> String {
    fs::read_to_string(place.folder.path().join(name)).unwrap()
}

#[tokio::test]
async fn a_section_in_an_included_file_is_edited_there() {
    let main = "{\n  models: { $include: './conf/models.json5' },\n  agents: { $include: './conf/agents.json5' },\n}\n";
    let models = "{\n  // mine\n  providers: {\n    parall: { baseUrl: 'https://old', models: [] },\n  },\n}\n";
    let place = with_files(main, &[("conf/models.json5", models), ("conf/agents.json5", "{}\n")]);
    let outcome = refresh(&place).await;
    assert_eq!(written(&outcome).changes.len(), 4);
    assert_eq!(place.text(), main);
    assert_eq!(
        text(&place, "conf/agents.json5"),
        "{\n  \"defaults\": {\n    \"model\": {\n      \"primary\": \"parall/m\"\n    }\n  }\n}\n"
    );
    let models = text(&place, "conf/models.json5");
    assert!(
        models.starts_with(
            "{\n  // mine\n  providers: {\n    parall: { baseUrl: \"https://p/v1\", models: ["
        ),
        "{models}"
    );
    assert_eq!(refresh(&place).await.unwrap().status, Status::Unchanged);
}

#[tokio::test]
async fn an_edit_of_an_included_file_alone_renews_the_time_of_the_main_one() {
    let main = "{ $include: 'all.json5' }";
    let place = with_files(main, &[("all.json5", "{ models: {}, agents: {} }")]);
    let long_ago = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let modified = || fs::metadata(&place.config).unwrap().modified().unwrap();
    fs::File::options().append(true).open(&place.config).unwrap().set_modified(long_ago).unwrap();
    written(&refresh(&place).await);
    assert_eq!(place.text(), main);
    let renewed = modified();
    assert!(renewed > long_ago);
    refresh(&place).await.unwrap();
    assert_eq!(modified(), renewed);
}

#[tokio::test]
async fn keys_beside_an_include_win_so_they_are_the_ones_to_edit() {
    let main =
        "{ $include: ['a.json5', 'b.json5'], models: { providers: { parall: { models: [] } } } }";
    let place =
        with_files(main, &[("a.json5", "{ a: 1 }"), ("b.json5", "{ agents: { defaults: {} } }")]);
    written(&refresh(&place).await);
    assert_eq!(text(&place, "a.json5"), "{ a: 1 }");
    assert!(place.text().contains("https://p/v1") && !place.text().contains("agents"));
    assert!(text(&place, "b.json5").contains("parall/m"));
}

#[tokio::test]
async fn a_key_in_an_included_file_is_copied_as_it_stands_there() {
    let main = "{ channels: { $include: 'channels.json5' } }";
    let place = with_files(main, &[("channels.json5", "{ parall: { api_key: '${MY_KEY}' } }")]);
    written(&refresh(&place).await);
    assert!(place.text().contains("\"apiKey\":\"${MY_KEY}\"") && !place.text().contains(KEY));
}

#[tokio::test]
async fn includes_without_one_clear_place_are_refused() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.json5"), "{}").unwrap();
    let far = outside.path().join("x.json5");
    let include = |name: &str| format!("{{ models: {{ $include: '{name}' }} }}");
    let both = "{ models: { $include: 'x.json5', providers: { parall: {} } } }".to_owned();
    let parall = "{ providers: { parall: {} } }";
    let loops = "{ $include: 'x.json5' }";
    let cases: [(String, &str, &str, &str); 8] = [
        (both, parall, "PARALL_CONFIG_SPLIT", "models.providers.parall is put together from"),
        (include("none.json5"), "{}", "PARALL_CONFIG_INCLUDE", "it cannot be found"),
        (include("../x.json5"), "{}", "PARALL_CONFIG_INCLUDE", "it is outside the folder"),
        (
            include(&far.to_string_lossy()),
            "{}",
            "PARALL_CONFIG_INCLUDE",
            "it is outside the folder",
        ),
        (include("x.json5"), loops, "PARALL_CONFIG_INCLUDE", "it includes itself"),
        (
            "{ models: { $include: 5 } }".to_owned(),
            "{}",
            "PARALL_CONFIG_INCLUDE",
            "neither a file name",
        ),
        (include("x.json5"), "[]", "PARALL_CONFIG_SHAPE", "models is an array"),
        (include("x.json5"), "{ providers: ", "PARALL_CONFIG_SYNTAX", "x.json5:1:14"),
    ];
    for (main, other, code, message) in cases {
        let place = with_files(&main, &[("x.json5", other)]);
        let error = refresh(&place).await.unwrap_err();
        assert_eq!(error.code(), code, "{main}: {error}");
        assert!(error.to_string().contains(message), "{error}");
        assert_eq!((place.text(), text(&place, "x.json5").as_str()), (main, other));
    }
    let place = Place::with(include("link.json5"));
    symlink(&far, place.folder.path().join("link.json5")).unwrap();
    let error = refresh(&place).await.unwrap_err();
    assert!(error.to_string().contains("leads outside"), "{error}");
}

#[tokio::test]
async fn includes_elsewhere_are_nobodys_business() {
    let main = "{ gateway: { $include: './missing.json5' }, tools: [ { $include: 'x' } ] }";
    let place = Place::with(main);
    written(&refresh(&place).await);
    assert!(place.text().starts_with(&main[..main.len() - 2]));
}
