//! Replacing files: rights, links, foreign writers, full disks, mounts and crashes.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use parall::error::Coded;
use parall::fs::{Error, ReplaceOptions, Step, replace, sweep};

/// Tells a copy of this test program which file to work on and where to stop.
const CHILD_FILE: &str = "PARALL_TEST_FILE";
const CHILD_STEP: &str = "PARALL_TEST_STEP";
const OLD: &[u8] = b"old contents";
const NEW: &[u8] = b"new contents, which are longer";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

fn write_with_mode(path: &Path, mode: u32) {
    fs::write(path, OLD).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_file_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    replace(&path, NEW, &ReplaceOptions::default()).unwrap();
    assert_eq!((fs::read(&path).unwrap().as_slice(), mode(&path)), (NEW, 0o600));
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn an_existing_file_keeps_its_mode_unless_a_secret_goes_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for (before, secret, after) in [
        (0o644, false, 0o644),
        (0o644, true, 0o600),
        (0o400, true, 0o400),
        (0o640, false, 0o640),
        (0o660, true, 0o600),
    ] {
        let _ = fs::remove_file(&path);
        write_with_mode(&path, before);
        replace(&path, NEW, &ReplaceOptions { secret, ..ReplaceOptions::default() }).unwrap();
        assert_eq!(mode(&path), after, "from {before:o}, secret: {secret}");
    }
}

#[test]
fn an_access_list_stays_unless_a_secret_goes_in() {
    // Version 2: user::rw-, user:1000:r--, group::---, mask::r--, other::---
    let list: [u8; 44] = [
        2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 232, 3, 0, 0, 4, 0, 0, 0, 255, 255,
        255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255, 255, 255, 255,
    ];
    let name = "system.posix_acl_access";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    write_with_mode(&path, 0o600);
    if rustix::fs::setxattr(&path, name, &list, rustix::fs::XattrFlags::empty()).is_err() {
        eprintln!("skipped: this file system keeps no access lists");
        return;
    }
    let mut found = [0_u8; 64];
    replace(&path, NEW, &ReplaceOptions::default()).unwrap();
    assert_eq!(rustix::fs::getxattr(&path, name, &mut found), Ok(list.len()));
    assert_eq!(found[..list.len()], list);
    replace(&path, NEW, &ReplaceOptions { secret: true, ..ReplaceOptions::default() }).unwrap();
    assert!(rustix::fs::getxattr(&path, name, &mut found).is_err());
}

#[test]
fn links_stay_and_their_target_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("real");
    let link = folder.path().join("link");
    symlink(&target, &link).unwrap();
    replace(&link, OLD, &ReplaceOptions::default()).unwrap();
    replace(&link, NEW, &ReplaceOptions::default()).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), NEW);
    assert_eq!(names(elsewhere.path()), ["real"]);
}

#[test]
fn what_is_no_file_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::create_dir(&path).unwrap();
    let error = replace(&path, NEW, &ReplaceOptions::default()).unwrap_err();
    assert_eq!(error.code(), "PARALL_FILE_KIND");
    assert!(path.is_dir());
}

#[test]
fn a_file_that_somebody_else_wrote_meanwhile_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    fs::write(&path, "theirs").unwrap();
    let options = ReplaceOptions { expected: Some(OLD), ..ReplaceOptions::default() };
    assert!(matches!(replace(&path, NEW, &options), Err(Error::Changed { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"theirs");
    assert_eq!(names(folder.path()), ["a"]);
}

#[test]
fn only_abandoned_temporary_files_of_this_file_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let hour_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    for (name, is_old) in [
        (".a.parall-1.tmp", true),
        (".a.parall-2.tmp", false),
        (".b.parall-3.tmp", true),
        (".a.parall-4.backup", true),
    ] {
        let file = fs::File::create(folder.path().join(name)).unwrap();
        if is_old {
            file.set_modified(hour_ago).unwrap();
        }
    }
    sweep(&path);
    assert_eq!(names(folder.path()), [".a.parall-2.tmp", ".a.parall-4.backup", ".b.parall-3.tmp"]);
}

/// Not a test of its own: what the copies of this program do.
#[test]
fn child_replaces_the_file() {
    let Some(path) = std::env::var_os(CHILD_FILE) else { return };
    let last: Option<String> = std::env::var(CHILD_STEP).ok();
    let stop = |step: Step| {
        println!("step {step:?}");
        if last.as_deref() == Some(format!("{step:?}").as_str()) {
            // As hard an end as SIGKILL from outside, at exactly this step.
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)
                .unwrap();
        }
    };
    let options = ReplaceOptions { observer: Some(&stop), ..ReplaceOptions::default() };
    match replace(Path::new(&path), NEW, &options) {
        Ok(()) => println!("replaced"),
        Err(error) => println!("refused {}", parall::error::chain(&error)),
    }
}

fn child(prefix: &str, path: &Path, step: Option<Step>) -> String {
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "{prefix} exec \"$0\" --exact config_fs::child_replaces_the_file --nocapture --test-threads 1"
    );
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-ec", &script]).arg(program).arg(path).env(CHILD_FILE, path);
    if let Some(step) = step {
        command.env(CHILD_STEP, format!("{step:?}"));
    }
    let output = command.output().unwrap();
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Mounting needs rights that a container or a developer may not have.
fn can_mount() -> bool {
    let probe = "mount -t tmpfs none \"$0\"";
    let folder = tempfile::tempdir().unwrap();
    let tried =
        Command::new("unshare").args(["--mount", "sh", "-ec", probe]).arg(folder.path()).output();
    let can = tried.is_ok_and(|output| output.status.success());
    if !can {
        eprintln!("skipped: no rights to mount");
    }
    can
}

#[test]
fn killed_at_any_step_the_file_is_old_or_new() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    for (step, expected) in [
        (Step::Created, OLD),
        (Step::Written, OLD),
        (Step::Attributed, OLD),
        (Step::Synced, OLD),
        (Step::Renamed, NEW),
        (Step::FolderSynced, NEW),
    ] {
        fs::write(&path, OLD).unwrap();
        let said = child("", &path, Some(step));
        assert!(said.contains(&format!("step {step:?}")) && !said.contains("replaced"), "{said}");
        assert_eq!(fs::read(&path).unwrap(), expected, "after {step:?}");
    }
}

#[test]
fn a_mounted_file_is_written_in_place_and_its_backup_removed() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (path, source) = (folder.path().join("a"), folder.path().join("source"));
    fs::write(&path, "under the mount").unwrap();
    let mount = format!("mount --bind '{}' '{}';", source.display(), path.display());
    fs::write(&source, OLD).unwrap();
    let inode = fs::metadata(&source).unwrap().ino();
    let said = child(&mount, &path, None);
    assert!(said.contains("replaced") && said.contains("step Overwritten"), "{said}");
    assert_eq!(fs::read(&source).unwrap(), NEW);
    assert_eq!(fs::metadata(&source).unwrap().ino(), inode);
    assert_eq!(names(folder.path()), ["a", "source"]);

    for (step, is_backed_up) in
        [(Step::BackedUp, true), (Step::HalfWritten, true), (Step::BackupRemoved, false)]
    {
        fs::write(&source, OLD).unwrap();
        child(&mount, &path, Some(step));
        let backup = names(folder.path()).into_iter().find(|name| name.ends_with(".backup"));
        assert_eq!(backup.is_some(), is_backed_up, "after {step:?}");
        if let Some(backup) = backup {
            assert_eq!(fs::read(folder.path().join(&backup)).unwrap(), OLD);
            fs::remove_file(folder.path().join(backup)).unwrap();
        }
    }
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    if !can_mount() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let (where_, old) = (folder.path().display(), String::from_utf8_lossy(OLD));
    let mount = format!(
        "mount -t tmpfs -o size=64k none '{where_}'; printf '{old}' > '{0}'; cat /dev/zero > '{where_}/filler' || true; \
         trap 'cat \"{0}\"; ls -A \"{where_}\"' EXIT; \"$0\" --exact config_fs::child_replaces_the_file --nocapture; exit 0;",
        path.display()
    );
    let said = child(&mount, &path, None);
    assert!(said.contains("refused cannot write a temporary file for"), "{said}");
    assert!(said.contains(&format!("{old}a\nfiller\n")), "{said}");
}
