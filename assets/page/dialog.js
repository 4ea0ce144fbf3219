/** A question before something that cannot be taken back. */

const dialog = document.getElementById("question");
const [title, text, yes] = ["question-title", "question-text", "question-yes"].map((id) => document.getElementById(id));

/** @returns {Promise<boolean>} */
export function confirmed(question) {
  title.textContent = question.title;
  text.textContent = question.text;
  yes.textContent = question.yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
