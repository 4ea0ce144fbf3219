/** The site: `npm run docs:site` makes it in `docs/.vitepress/dist`, with search and without anything that is loaded from elsewhere. */
import { defineConfig } from "vitepress";
import { anchorOf } from "../made/anchor.mjs";

const page = (text, link) => ({ text, link });

const SIDEBAR = [
  {
    text: "Use",
    items: [
      page("Start in two minutes", "/start"),
      page("Configuration", "/configuration"),
      page("Tools and skills", "/tools"),
      page("Files", "/files"),
      page("Wikis", "/wiki"),
      page("The parall command", "/command/"),
    ],
  },
  {
    text: "Understand",
    items: [
      page("How it works", "/how-it-works"),
      page("Lanes and forks", "/lanes-and-forks"),
      page("Platform config", "/platform-config"),
      page("Access", "/access"),
      page("Several agents", "/accounts"),
      page("Security", "/security"),
      page("Glossary", "/glossary"),
    ],
  },
  {
    text: "Run",
    items: [
      page("Operations", "/operations"),
      page("Troubleshooting", "/troubleshooting"),
      page("Which OpenClaw", "/host-compatibility"),
      page("Moving from 1.12.0", "/upgrading"),
      page("Performance", "/performance"),
      page("Changelog", "/changelog"),
    ],
  },
  {
    text: "Change",
    items: [
      page("Contributing", "/contributing"),
      page("Architecture", "/architecture"),
      page("Tests", "/testing"),
      page("Protocol evidence", "/protocol"),
      page("Dependencies", "/dependencies"),
    ],
  },
];

export default defineConfig({
  title: "Parall for OpenClaw",
  description: "The OpenClaw channel plugin for Parall, the messenger where people and AI agents work side by side.",
  cleanUrls: true,
  markdown: {
    anchor: { slugify: anchorOf },
    /** What is included from the project's folder names its pages from there. */
    config(markdown) {
      const { normalizeLink } = markdown;
      markdown.normalizeLink = (url) => normalizeLink(url.replace(/^docs\//, "./"));
    },
  },
  themeConfig: {
    sidebar: SIDEBAR,
    outline: [2, 3],
    search: { provider: "local" },
  },
});
