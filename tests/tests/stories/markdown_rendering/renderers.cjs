// Renders Markdown as the networks display it.
//
// Arguments: the folders of marked, snuownd, discord-markdown, markdown-it and commonmark. Reads a JSON array of
// `{kind, text}`, where `text` is as it is sent to that kind of channel; prints for each an array of the texts that its
// renderers display, without markup.
'use strict';

const fs = require('node:fs');

const [, , marked, snuownd, discordMarkdown, markdownIt, commonmark] = process.argv;
const { Parser, HtmlRenderer } = require(commonmark);

// Mattermost's fork knows a backslash escape for fewer characters; a double backslash before a word is shown as two.
const escape = /^\\([`*{}[\]()#+\-.!_>|~]|\\(?!\w))/;

function oldMarked(fork) {
    const path = require.resolve(marked);
    delete require.cache[path];
    const show = require(path);
    if (fork) {
        show.InlineLexer.rules.gfm.escape = escape;
        show.InlineLexer.rules.breaks.escape = escape;
    }
    return text => show(text, { gfm: true, tables: true, breaks: true, sanitize: true, mangle: false });
}

function commonMark() {
    const renderer = new HtmlRenderer({ safe: true });
    return text => renderer.render(new Parser().parse(text));
}

function reddit() {
    const SnuOwnd = require(snuownd);
    const parser = SnuOwnd.getParser(SnuOwnd.getRedditRenderer());
    return text => parser.render(text);
}

function adaptive() {
    const MarkdownIt = require(markdownIt);
    const show = new MarkdownIt();
    return text => show.render(text);
}

function discord() {
    const { toHTML } = require(discordMarkdown);
    return text => toHTML(text, { embed: true });
}

const plain = commonMark();
const html = {
    discord: [discord()],
    mattermost: [oldMarked(true), oldMarked(false), plain],
    dingtalk: [oldMarked(false)],
    ntfy: [plain],
    reddit: [reddit()],
    teams: [adaptive()],
    // Only numeric entities keep its text from being markup; any Markdown renderer can check them.
    feishu: [plain, adaptive()],
};

const NAMES = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function decoded(text) {
    return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (all, hex, number, name) => {
        const code = hex ? parseInt(hex, 16) : parseInt(number, 10);
        return name ? NAMES[name] ?? all : String.fromCodePoint(code);
    });
}

// Tags other than those of paragraphs, lines, code and links are markup that the author did not write.
function read(shown) {
    const tags = shown.match(/<[^>]*>/g) ?? [];
    const alive = tags.filter(tag => !/^<\/?(p|br|code|a)\b/.test(tag) || /href="https:\/\/alive/.test(tag));
    const text = decoded(shown.replace(/<br[^>]*>/g, '\n').replace(/<[^>]*>/g, ''));
    return { text, alive };
}

// The parser of Adaptive Cards on phones: it removes a backslash before these characters only.
function phone(text) {
    return { text: text.replace(/\\([[\])*_])/g, '$1'), alive: [] };
}

const questions = JSON.parse(fs.readFileSync(0, 'utf8'));
const answers = questions.map(({ kind, text }) => {
    const shown = html[kind].map(show => read(show(text)));
    return kind === 'teams' ? [...shown, phone(text)] : shown;
});
fs.writeSync(1, JSON.stringify(answers));
