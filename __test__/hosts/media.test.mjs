/** Files on a real OpenClaw: what people send is what the model sees, and what the agent sends is in Parall. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { crc32, deflateSync } from "node:zlib";
import { ANSWER_LIMIT_MS, answers, answerWith, closeScene, openScene, startScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

/** What an image may be when the model gets it: hosts make their own copies. */
const IMAGE_BEGINNINGS = { "image/png": "89504e47", "image/jpeg": "ffd8ff" };

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}`, () => {
    let scene;
    before(async () => {
      scene = await openScene(release, { input: ["text", "image"], allow: ["document-extract"] });
      await startScene(scene);
    });
    after(() => closeScene(scene));

    let turns = 0;
    /** Ada sends files; resolves with all that the model was shown when it was asked. */
    async function show(attachments, text = "Look.") {
      const done = `Seen ${++turns}.`;
      scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text: `${text} [[say:${done}]]`, attachments });
      const request = await scene.model.waitForRequest(({ user }) => user.includes(done), ANSWER_LIMIT_MS);
      await answerWith(scene, done);
      const start = request.messages.findLastIndex(({ role, text: said }) => role === "user" && said.includes(done));
      return { request, shown: request.messages.slice(start) };
    }

    it("shows the model an image", async () => {
      const { shown } = await show([{ file_name: "red.png", mime_type: "image/png", content: png(64, 64) }]);
      const images = shown.flatMap(({ images: list = [] }) => list);
      assert.equal(images.length, 1, JSON.stringify(shown).slice(0, 2000));
      const [, type, data] = /^data:(.*?);base64,(.*)$/.exec(images[0]);
      const beginning = Buffer.from(data, "base64").subarray(0, 4).toString("hex");
      assert.ok(beginning.startsWith(IMAGE_BEGINNINGS[type]), `${type} ${beginning}`);
      assert.match(shown[0].text, /\[Attachment: att_\w+ \(image\/png, \d+ bytes, attached\) red\.png\]/);
    });

    it("lets the model read a text and a PDF", async () => {
      const files = [
        { file_name: "notes.txt", content: "The code word is heron." },
        { file_name: "letter.pdf", mime_type: "application/pdf", content: pdf("The second word is osprey.") },
      ];
      const { shown } = await show(files, "/new /status Look at both.");
      const all = shown.map(({ text }) => text).join("\n");
      assert.match(all, /The code word is heron\./);
      assert.ok(all.includes(path.join(scene.host.stateDir, "media/inbound/parall/notes---")), all);
      assert.match(all, /The second word is osprey\./);
      assert.match(all, /\/new \/status Look at both\./, "and no command is taken from it");
    });

    /** The files of the agent's message that says this. */
    const filesOf = ({ attachments }) =>
      attachments.map(({ id, file_name: name }) => [name, Buffer.from(scene.parall.store.uploads.get(id).content, "base64")]);
    const workspace = () => path.join(scene.host.root, "workspace");
    const isOldest = release.version === "2026.4.2";
    /** A file outside all folders of the agent. */
    const secret = () => {
      const file = path.join(scene.host.root, "secret.txt");
      writeFileSync(file, "the secret");
      return file;
    };
    const isUploaded = (text) =>
      [...scene.parall.store.uploads.values()].some(({ content }) => content === Buffer.from(text).toString("base64"));

    it("sends a file that an answer names, with the text where the host hands it over", async () => {
      writeFileSync(path.join(workspace(), "plan.png"), png(8, 8));
      const isAnswer = ({ sender_id: from, attachments }) => from === scene.people.agent.id && attachments.length > 0;
      scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text: "The plan? [[say:Here is the plan.\nMEDIA:./plan.png]]" });
      const message = await scene.parall.waitForMessage(isAnswer, ANSWER_LIMIT_MS);
      const [[name, bytes], ...others] = filesOf(message);
      assert.deepEqual([others, bytes], [[], png(8, 8)]);
      assert.match(name, /^plan.*\.png$/);
      assert.equal(message.content.text, isOldest ? "" : "Here is the plan.");
    });

    it("sends no file from elsewhere", async () => {
      scene.parall.say({ from: "usr_ben", chat: scene.people.direct.ben, text: `And? [[say:Look.\nMEDIA:${secret()}]]` });
      const isAnswer = ({ sender_id: from, chat_id: chat }) => from === scene.people.agent.id && chat === scene.people.direct.ben;
      const message = await scene.parall.waitForMessage(isAnswer, ANSWER_LIMIT_MS);
      assert.deepEqual(message.attachments, []);
      assert.ok(!isUploaded("the secret"));
    });

    it("sends a file from the command line, and says so when it cannot", async () => {
      const send = (file) => {
        const words = ["message", "send", "--channel", "parall", "--target", scene.people.group, "--message", "From a shell"];
        return scene.host.command([...words, "--media", file]);
      };
      const sent = await send(path.join(workspace(), "plan.png"));
      assert.equal(sent.code, 0, `${sent.out}\n${sent.err}`);
      const [message, ...others] = answers(scene, scene.people.group);
      assert.deepEqual([message.content.text, filesOf(message)[0][1], others], ["From a shell", png(8, 8), []]);
      // The newest hosts let whoever gives the command send any file that is named.
      const other = await send("/etc/hostname");
      assert.equal(answers(scene, scene.people.group).length, isOldest ? 1 : 2);
      if (isOldest) assert.match(`${other.out}${other.err}`, /nothing was sent, because hostname could not be/);
    });

    it("sends a file by the message tool, and none from elsewhere", async () => {
      const use = async (media) => {
        const done = `Told ${++turns}.`;
        const parameters = { action: "send", channel: "parall", target: scene.people.direct.ben, message: `With ${media}`, media };
        const [tool, call] = isOldest ? ["message", parameters] : ["tool_call", { id: "message", args: parameters }];
        const text = `Please. [[tool:${tool} ${JSON.stringify(call)}]][[say:${done}]]`;
        scene.parall.say({ from: "usr_ada", chat: scene.people.direct.ada, text });
        await answerWith(scene, done);
        return scene.model.requests.at(-1).messages.findLast(({ role }) => role === "tool").text;
      };
      const sent = await use("./plan.png");
      const message = answers(scene, scene.people.direct.ben).find(({ content }) => content.text === "With ./plan.png");
      assert.deepEqual(message && filesOf(message).map(([, bytes]) => bytes), [png(8, 8)], sent);
      const refused = await use(secret());
      assert.ok(!isUploaded("the secret"), refused);
    });

    it("answers a message whose file cannot be had, and says so to the model", async () => {
      const { shown } = await show([{ file_name: "gone.txt", url: "http://169.254.169.254/x" }]);
      assert.match(shown[0].text, /not fetched: 169\.254\.169\.254 is at an address of a private network\) gone\.txt\]/);
    });
  });
}

/** A red image. */
function png(width, height) {
  const row = Buffer.concat([Buffer.from([0]), ...Array.from({ length: width }, () => Buffer.from([255, 0, 0]))]);
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  const pixels = deflateSync(Buffer.concat(Array.from({ length: height }, () => row)));
  return Buffer.concat([
    Buffer.from("89504e470d0a1a0a", "hex"),
    chunk("IHDR", header),
    chunk("IDAT", pixels),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** A page with one line. */
function pdf(line) {
  const content = `BT /F1 18 Tf 72 720 Td (${line}) Tj ET`;
  const objects = [
    "<< /Type /Catalog /Pages 2 0 R >>",
    "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
    `<< /Length ${content.length} >>\nstream\n${content}\nendstream`,
    "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
  ];
  let text = "%PDF-1.4\n";
  const places = objects.map((object, index) => {
    const place = text.length;
    text += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return place;
  });
  const start = text.length;
  const rows = places.map((place) => `${String(place).padStart(10, "0")} 00000 n \n`).join("");
  text += `xref\n0 6\n0000000000 65535 f \n${rows}trailer << /Size 6 /Root 1 0 R >>\nstartxref\n${start}\n%%EOF\n`;
  return Buffer.from(text);
}
