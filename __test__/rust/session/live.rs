//! Reading while the host writes.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use parall::session::{Cut, Error, Outcome};

use crate::support::{HEADER, Sessions, answer, ids, lines, user};

#[test]
fn a_line_that_is_still_being_written_is_left_out() {
    let sessions = Sessions::new();
    let path = sessions.write(&[HEADER, &user("u", ""), &answer("a", "u")]);
    let line = answer("b", "a");
    let whole = fs::read(&path).unwrap();
    for length in 0..line.len() {
        fs::write(&path, [&whole, &line.as_bytes()[..length]].concat()).unwrap();
        assert_eq!(
            ids(&sessions.forked(&path, &Cut::Leaf)),
            ["u", "a"],
            "{length} bytes of the line"
        );
    }
    fs::write(&path, [&whole, line.as_bytes()].concat()).unwrap();
    let fork = sessions.forked(&path, &Cut::Leaf);
    assert_eq!(ids(&fork), ["u", "a", "b"], "only its line feed is missing");
    assert!(fs::read_to_string(&fork.session_file).unwrap().ends_with('\n'));
    fs::write(&path, [&whole, line.as_bytes(), b"\n"].concat()).unwrap();
    assert_eq!(ids(&sessions.forked(&path, &Cut::Leaf)), ["u", "a", "b"]);
}

#[test]
fn forks_of_a_transcript_that_grows_and_is_rewritten_are_always_one_of_its_states() {
    let sessions = Sessions::new();
    let mut state: Vec<String> = vec![HEADER.into(), user("e0", ""), answer("e1", "e0")];
    let path = sessions.write(&state.iter().map(String::as_str).collect::<Vec<_>>());
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..300 {
                let last = state.len() - 2;
                state.push(answer(&format!("e{}", last + 1), &format!("e{last}")));
                let mut file = OpenOptions::new().append(true).open(&path).unwrap();
                let line = format!("{}\n", state.last().unwrap());
                let (head, tail) = line.split_at(round % line.len());
                file.write_all(head.as_bytes()).unwrap();
                thread::yield_now();
                file.write_all(tail.as_bytes()).unwrap();
                if round % 10 == 9 {
                    // In place, as the host rewrites: the file is empty for a moment.
                    state.truncate(state.len() - 3);
                    fs::write(&path, state.join("\n") + "\n").unwrap();
                }
                if round % 25 == 24 {
                    let copy = sessions.path("copy.tmp");
                    fs::write(&copy, state.join("\n") + "\n").unwrap();
                    fs::rename(&copy, &path).unwrap();
                }
            }
            is_done.store(true, Ordering::SeqCst);
        });
        let mut forks = 0;
        while !is_done.load(Ordering::SeqCst) || forks == 0 {
            match sessions.fork(&path, &Cut::Leaf) {
                Ok(Outcome::Forked(fork)) => {
                    let found = ids(&fork);
                    let expected: Vec<String> =
                        (0..found.len()).map(|index| format!("e{index}")).collect();
                    assert_eq!(found, expected);
                    let whole = fs::read_to_string(&fork.session_file).unwrap();
                    assert!(
                        whole.ends_with('\n')
                            && lines(&fork).iter().all(|line| line.ends_with('}'))
                    );
                    fs::remove_file(&fork.session_file).unwrap();
                    forks += 1;
                }
                // Empty in the middle of a rewrite, or never at rest: nothing is made then.
                Ok(Outcome::Nothing(_))
                | Err(Error::Unstable { .. } | Error::NotATranscript { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
    });
}
