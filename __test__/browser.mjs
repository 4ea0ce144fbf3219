/** A real browser without a window, for what only a browser can show. */
import { accessSync, constants } from "node:fs";
import path from "node:path";
import axe from "axe-core";
import puppeteer from "puppeteer-core";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const MISSING = "these tests need Chromium or Chrome: install it (Debian: apt-get install chromium), or name its program in PARALL_BROWSER";

/** Starts the browser; a machine without one fails the test and says what to do. */
export function startBrowser() {
  const executablePath = process.env.PARALL_BROWSER ?? installed();
  if (!executablePath) throw new Error(MISSING);
  return puppeteer.launch({ executablePath, protocolTimeout: 60_000, args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] });
}

function installed() {
  const places = process.env.PATH.split(path.delimiter).flatMap((folder) => NAMES.map((name) => path.join(folder, name)));
  return places.find((place) => {
    try {
      accessSync(place, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * A tab that notes everything the console would show in red.
 *
 * @param {import("puppeteer-core").Browser} browser
 * @param {{ width?: number, height?: number, theme?: "light" | "dark" }} [look]
 */
export async function openTab(browser, { width = 1200, height = 900, theme = "light" } = {}) {
  const context = await browser.createBrowserContext();
  const tab = await context.newPage();
  await tab.setViewport({ width, height });
  await tab.emulateMediaFeatures([{ name: "prefers-color-scheme", value: theme }]);
  const errors = [];
  tab.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) errors.push(`${message.text()} (${message.location().url})`);
  });
  tab.on("pageerror", (error) => errors.push(String(error)));
  tab.on("dialog", (dialog) => {
    errors.push(`a dialog of the browser: ${dialog.message()}`);
    dialog.dismiss();
  });
  return { tab, errors };
}

/** What an automated check of accessibility finds, one line each. */
export async function accessibilityFindings(tab) {
  await tab.evaluate(axe.source);
  const { violations } = await tab.evaluate(() => globalThis.axe.run(document, { resultTypes: ["violations"] }));
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ html }) => `${id}: ${help}: ${html}`));
}

/** Keeps a picture of a tab where `PARALL_PICTURES` says. */
export async function keepPicture(tab, name) {
  const folder = process.env.PARALL_PICTURES;
  if (folder) await tab.screenshot({ path: path.join(folder, `${name}.png`), fullPage: true });
}
