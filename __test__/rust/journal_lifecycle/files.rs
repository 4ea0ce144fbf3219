//! Parts with files: what is uploaded is written down before the message, once.

use parall::journal::{Intent, NewPart, Opened, Uploaded};

use super::{Bench, dispatch, part};

fn uploaded(ids: &[&str]) -> Uploaded {
    let attachment_ids = ids.iter().map(|id| (*id).to_owned()).collect();
    Uploaded { text: "Here (b.png could not be sent: x.)".to_owned(), attachment_ids }
}

#[tokio::test]
async fn what_was_uploaded_first_counts_also_after_a_restart_and_goes_with_the_text() {
    let bench = Bench::new();
    let files = vec!["/w/a.txt".to_owned(), "/w/b.png".to_owned()];
    let with_files = NewPart { files: files.clone(), ..part("dsp_1", 0, "Here") };
    {
        let Opened { journal, .. } = bench.open();
        journal.claim(dispatch("dsp_1")).await.unwrap();
        let intents = journal.intend("dsp_1", vec![with_files.clone()]).await.unwrap();
        assert_eq!(intents, [Intent::Send]);
        let first = journal.part_uploaded("dsp_1", 0, uploaded(&["att_1"])).await.unwrap();
        let second = journal.part_uploaded("dsp_1", 0, uploaded(&["att_2"])).await.unwrap();
        assert_eq!((first, second), (uploaded(&["att_1"]), uploaded(&["att_1"])));
        assert!(journal.part_uploaded("dsp_1", 7, uploaded(&[])).await.is_err());
        journal.close().await;
    }
    let Opened { journal, .. } = bench.open();
    let open = &journal.recover().await.unwrap().dispatches[0];
    assert_eq!(open.parts[0].part, with_files);
    assert_eq!(open.parts[0].uploaded, Some(uploaded(&["att_1"])));
    journal.answer_complete(["dsp_1"]).await.unwrap();
    journal.part_delivered("dsp_1", 0, "msg_1").await.unwrap();
    journal.acknowledged("dsp_1").await.unwrap();
    let parts = journal.parts("dsp_1").await.unwrap();
    assert_eq!((parts[0].part.files.len(), parts[0].uploaded.clone()), (0, None));
}
