/** The page on real gateways: behind their own authentication, in a real browser, on a scene that changes. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { accessibilityFindings, keepPicture, openTab, startBrowser } from "../browser.mjs";
import { answers, answerWith, closeScene, openScene, startScene } from "./scene.mjs";
import { HOST_VERSIONS } from "./versions.mjs";

const TOKEN = "test-token";
const LIMIT_MS = 180_000;

for (const release of HOST_VERSIONS) {
  describe(`OpenClaw ${release.version}: the page`, () => {
    let scene;
    let browser;
    let page;
    before(async () => {
      scene = await openScene(release);
      // The gateway's own pages must not get in the way.
      const config = scene.host.readConfig();
      scene.host.writeConfig({ ...config, gateway: { ...config.gateway, controlUi: { enabled: true } } });
      await startScene(scene);
      browser = await startBrowser();
      page = { url: `http://127.0.0.1:${scene.host.port}/parall`, ...(await openTab(browser)) };
    });
    after(async () => {
      await browser?.close();
      await closeScene(scene);
    });

    const shows = (words, options = {}) =>
      // biome-ignore lint/performance/useDomNodeTextContent: what is hidden does not count
      page.tab.waitForFunction((one) => document.body.innerText.includes(one), { timeout: LIMIT_MS, ...options }, words);
    const confirm = async (label) => {
      await page.tab.click(`button[aria-label="${label}"]`);
      await page.tab.waitForSelector("dialog[open]");
      await page.tab.click("#question-yes");
    };
    const dispatchOf = ({ id }) => scene.parall.snapshot().dispatches.find((one) => one.source_id === id);
    const failing = (name, text) => {
      scene.parall.fault("http.error", { route: "messages.post", status: 403 });
      return scene.parall.say({ from: `usr_${name}`, chat: scene.people.direct[name], text });
    };

    it("is open, and everything that shows or does something wants the gateway's token", async () => {
      const shell = await scene.host.until("the page is there", async () => {
        const answer = await fetch(page.url);
        return answer.status === 200 && /asks|Sign in/.test(await answer.clone().text()) ? answer : undefined;
      });
      assert.match(shell.headers.get("content-security-policy"), /default-src 'none'/);
      assert.equal((await fetch(`${page.url}/assets/page.js`)).status, 200);
      for (const route of ["state", "events", "metrics", "actions"]) {
        const method = route === "actions" ? "POST" : "GET";
        for (const headers of [{}, { Authorization: "Bearer wrong" }]) {
          assert.equal((await fetch(`${page.url}/${route}`, { method, headers })).status, 401, route);
        }
        const foreign = { Authorization: `Bearer ${TOKEN}`, Origin: "https://evil.example", "Sec-Fetch-Site": "cross-site" };
        assert.equal((await fetch(`${page.url}/${route}`, { method, headers: foreign })).status, 403, route);
      }
      const state = await (await fetch(`${page.url}/state`, { headers: { Authorization: `Bearer ${TOKEN}` } })).json();
      assert.equal(state.accounts[0].live.status.connected, true);
      const metrics = await (await fetch(`${page.url}/metrics`, { headers: { Authorization: `Bearer ${TOKEN}` } })).text();
      assert.match(metrics, /^parall_connected\{account="default"\} 1$/m);
    });

    it("shows what happens as it happens, and does what is decided", async () => {
      const { parall } = scene;
      await page.tab.goto(page.url);
      assert.deepEqual(await accessibilityFindings(page.tab), []);
      await page.tab.type("#token", TOKEN);
      await page.tab.keyboard.press("Enter");
      await shows("Live");
      await shows("connected");
      const retried = failing("ada", "Hello [[say:At last.]]");
      await shows("Retry");
      assert.deepEqual(await accessibilityFindings(page.tab), []);
      await keepPicture(page.tab, `host-${release.version}`);
      parall.clearFaults();
      await confirm(`Retry ${dispatchOf(retried).id}`);
      await answerWith(scene, "At last.");
      await shows("Nothing was given up.");
      const dropped = failing("ben", "Never mind [[say:Too late.]]");
      await shows("Drop");
      parall.clearFaults();
      await confirm(`Drop ${dispatchOf(dropped).id}`);
      await parall.waitFor(() => dispatchOf(dropped).acknowledged_count > 0 || undefined, LIMIT_MS, "the acknowledgement");
      await shows("Nothing was given up.");
    });

    it("stops a turn", async () => {
      const { parall, people, model } = scene;
      const asked = parall.say({ from: "usr_ada", chat: people.direct.ada, text: "Think for long [[hold:for-ever]] [[say:Never said.]]" });
      await shows("Stop");
      const { id } = dispatchOf(asked);
      // A turn that the model has not begun to think about can be stopped, too.
      await scene.host.until("the model thinks", () =>
        model.requests.some((request) => JSON.stringify(request).includes("Think for long")),
      );
      await confirm(`Stop ${id}`);
      await shows("stopped by an operator");
      await shows("Nothing runs.");
      await confirm(`Drop ${id}`);
      await shows("Nothing was given up.");
      assert.deepEqual(
        answers(scene, people.direct.ada).map(({ content }) => content.text),
        ["At last."],
      );
    });

    it("holds up no gateway that wants to end, and says that it is gone", async () => {
      const { signal } = await scene.host.stop();
      assert.notEqual(signal, "SIGKILL");
      await shows("The gateway does not answer");
      const expected = page.errors.filter((error) =>
        /ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|CONNECTION_RESET)|Failed to fetch/.test(error),
      );
      assert.deepEqual(
        page.errors.filter((error) => !expected.includes(error)),
        [],
      );
    });
  });
}
