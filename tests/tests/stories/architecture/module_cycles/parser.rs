//! A parser of the modules of a crate: what each declares, imports and mentions, from the tokens of
//! its files.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::vec::IntoIter;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// The segments of a path as it is written, such as `super::a::B`.
pub(super) type Segments = Vec<String>;

/// The modules of a crate by their paths from its root, and its files.
#[derive(Debug, Default)]
pub(super) struct Crate {
    pub(super) modules: BTreeMap<Segments, Module>,
    /// The paths of the files; a module refers to its file by the index in this list.
    pub(super) files: Vec<String>,
}

/// The names in one module, which may share its file with others. Items for tests only are
/// excluded.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The index in [`Crate::files`] of the file that contains the module.
    pub(super) file: usize,
    /// The names of the modules that it declares.
    pub(super) children: BTreeSet<String>,
    /// The names of the items that it defines.
    pub(super) items: BTreeSet<String>,
    /// The names that it imports or re-exports, with the paths they stand for.
    pub(super) imports: BTreeMap<String, Segments>,
    /// The paths of its glob imports.
    pub(super) globs: Vec<Segments>,
    /// The paths that its code mentions, including private imports and excluding re-exports.
    pub(super) mentions: BTreeSet<Segments>,
}

/// The token trees of a file or of one group in it.
type Tokens = Peekable<IntoIter<TokenTree>>;

impl Crate {
    /// Parses the crate whose root file is `root`, following its `mod` declarations; `text` returns
    /// the text of a file, or `None` if there is no such file.
    pub(super) fn read(root: &str, text: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut read = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        read.file(&[], root.to_owned(), folder.to_owned(), text);
        read
    }

    /// Parses the file of the module `path`; the files of its child modules are in `folder`.
    fn file(&mut self, path: &[String], name: String, folder: String, text: &dyn Fn(&str) -> Option<String>) {
        let source = text(&name).unwrap_or_else(|| panic!("{name} cannot be read"));
        let stream: TokenStream = source.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        self.files.push(name);
        let source_file = ModuleSource { file: self.files.len() - 1, folder, text };
        self.module(path, stream, &source_file);
    }

    fn module(&mut self, path: &[String], stream: TokenStream, source_file: &ModuleSource<'_>) {
        self.modules.insert(path.to_vec(), Module { file: source_file.file, ..Module::default() });
        let mut tokens = tokens(stream);
        let mut is_public = false;
        while let Some(token) = tokens.next() {
            match word(&token).as_str() {
                "#" if is_for_tests(&mut tokens) => skip_item(&mut tokens),
                "pub" => {
                    skip_visibility(&mut tokens);
                    is_public = true;
                    continue;
                }
                "mod" => self.child(path, &mut tokens, source_file),
                "use" => self.at(path).import(&mut tokens, is_public),
                "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" => {
                    self.at(path).item(&mut tokens);
                }
                "macro_rules" => {
                    tokens.next();
                    self.at(path).item(&mut tokens);
                }
                _ => self.at(path).mention(token, &mut tokens),
            }
            is_public = false;
        }
    }

    fn at(&mut self, path: &[String]) -> &mut Module {
        self.modules.get_mut(path).unwrap()
    }

    /// Parses `name;` or `name { … }` after `mod`.
    fn child(&mut self, parent: &[String], tokens: &mut Tokens, source_file: &ModuleSource<'_>) {
        let name = word(&tokens.next().unwrap());
        self.at(parent).children.insert(name.clone());
        let path: Segments = parent.iter().cloned().chain([name.clone()]).collect();
        let folder =
            format!("{}{}{name}", source_file.folder, if source_file.folder.is_empty() { "" } else { "/" });
        if let Some(TokenTree::Group(body)) = tokens.next() {
            return self.module(&path, body.stream(), &ModuleSource { folder, ..*source_file });
        }
        let flat = format!("{folder}.rs");
        let file = if (source_file.text)(&flat).is_some() { flat } else { format!("{folder}/mod.rs") };
        self.file(&path, file, folder, source_file.text);
    }
}

/// The file that a module is read from, and the folder of its child modules.
struct ModuleSource<'a> {
    file: usize,
    folder: String,
    text: &'a dyn Fn(&str) -> Option<String>,
}

impl Module {
    /// Parses the name after `fn`, `struct` and similar keywords. The rest of the item is parsed as
    /// code.
    fn item(&mut self, tokens: &mut Tokens) {
        if let Some(TokenTree::Ident(name)) = tokens.peek()
            && !["fn", "unsafe", "async", "extern"].contains(&name.to_string().as_str())
        {
            self.items.insert(name.to_string());
            tokens.next();
        }
    }

    /// Parses the tree after `use`, up to its semicolon.
    fn import(&mut self, tokens: &mut Tokens, is_public: bool) {
        let end = |token: &TokenTree| word(token) == ";";
        let tree: Vec<TokenTree> = std::iter::from_fn(|| tokens.next_if(|token| !end(token))).collect();
        self.import_tree(&[], &mut tree.into_iter().peekable(), is_public);
    }

    /// Parses a list of `a::b`, `a::b as c`, `a::*` and `a::{…}` below `prefix`.
    fn import_tree(&mut self, prefix: &[String], tokens: &mut Tokens, is_public: bool) {
        let mut path = prefix.to_vec();
        let mut alias = None;
        while let Some(token) = tokens.next() {
            match &token {
                TokenTree::Group(list) => {
                    let mut inner = self::tokens(list.stream());
                    self.import_tree(&path, &mut inner, is_public);
                    path.clear();
                }
                TokenTree::Ident(name) if *name == "as" => alias = tokens.next().map(|token| word(&token)),
                TokenTree::Ident(name) => path.push(name.to_string()),
                _ if word(&token) == "*" => {
                    self.globs.push(std::mem::take(&mut path));
                }
                _ if word(&token) == "," => {
                    self.bind(std::mem::replace(&mut path, prefix.to_vec()), alias.take(), is_public);
                }
                _ => {}
            }
        }
        self.bind(path, alias, is_public);
    }

    fn bind(&mut self, mut path: Segments, alias: Option<String>, is_public: bool) {
        if path.len() > 1 && path.last().is_some_and(|name| name == "self") {
            path.pop();
        }
        let Some(name) = alias.or_else(|| path.last().cloned()) else { return };
        if !is_public {
            self.mentions.insert(path.clone());
        }
        self.imports.insert(name, path);
    }

    /// Parses a token of code: a path that starts with it, or the contents of a group.
    fn mention(&mut self, token: TokenTree, tokens: &mut Tokens) {
        match token {
            TokenTree::Group(group) => self.code(group.stream()),
            TokenTree::Ident(first) => {
                let mut path = vec![first.to_string()];
                while is_colon(tokens.peek()) {
                    tokens.next();
                    if !is_colon(tokens.peek()) {
                        // A single colon follows the name of a field or of an argument.
                        if path.len() == 1 {
                            return;
                        }
                        break;
                    }
                    tokens.next();
                    match tokens.next_if(|token| matches!(token, TokenTree::Ident(_))) {
                        Some(name) => path.push(word(&name)),
                        None => break,
                    }
                }
                self.mentions.insert(path);
            }
            TokenTree::Punct(dot) if dot.as_char() == '.' => {
                // The name of a field or a method is no path.
                tokens.next_if(|token| matches!(token, TokenTree::Ident(_)));
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }

    fn code(&mut self, stream: TokenStream) {
        let mut tokens = tokens(stream);
        while let Some(token) = tokens.next() {
            match word(&token).as_str() {
                "#" if is_for_tests(&mut tokens) => skip_item(&mut tokens),
                "pub" => skip_visibility(&mut tokens),
                "use" => self.import(&mut tokens, false),
                _ => self.mention(token, &mut tokens),
            }
        }
    }
}

fn tokens(stream: TokenStream) -> Tokens {
    stream.into_iter().collect::<Vec<_>>().into_iter().peekable()
}

/// Returns the text of a token; empty for a group and a literal.
fn word(token: &TokenTree) -> String {
    match token {
        TokenTree::Ident(name) => name.to_string(),
        TokenTree::Punct(sign) => sign.as_char().to_string(),
        TokenTree::Group(_) | TokenTree::Literal(_) => String::new(),
    }
}

fn is_colon(token: Option<&TokenTree>) -> bool {
    matches!(token, Some(TokenTree::Punct(sign)) if sign.as_char() == ':')
}

/// Parses an attribute after its `#`; returns true if it is `cfg(test)`.
fn is_for_tests(tokens: &mut Tokens) -> bool {
    tokens.next_if(|token| word(token) == "!");
    let attribute = tokens.next_if(|token| matches!(token, TokenTree::Group(_)));
    attribute.is_some_and(|attribute| attribute.to_string().replace(' ', "") == "[cfg(test)]")
}

/// Skips the rest of an item, up to its semicolon or its braces.
fn skip_item(tokens: &mut Tokens) {
    for token in tokens.by_ref() {
        let is_body = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_body || word(&token) == ";" {
            return;
        }
    }
}

/// Skips a restriction such as `(crate)` after `pub`.
fn skip_visibility(tokens: &mut Tokens) {
    tokens.next_if(
        |token| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis),
    );
}
