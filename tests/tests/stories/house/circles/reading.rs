//! The modules of a crate: what each declares, imports and mentions, read from the tokens of its files.

use std::collections::{BTreeMap, BTreeSet};
use std::iter::Peekable;
use std::vec::IntoIter;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// A path as it is written, such as `super::a::B`, in segments.
pub(super) type Segments = Vec<String>;

/// A crate's modules by their paths from its root, and its files.
#[derive(Debug, Default)]
pub(super) struct Crate {
    pub(super) modules: BTreeMap<Segments, Module>,
    /// The paths of the files; a module names its file by the place in this list.
    pub(super) files: Vec<String>,
}

/// The names of one module, with or without a file of its own. What is there for tests only is left out.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The file it stands in, by its place in [`Crate::files`].
    pub(super) file: usize,
    /// The modules that it declares.
    pub(super) children: BTreeSet<String>,
    /// The items that it defines.
    pub(super) items: BTreeSet<String>,
    /// The names that it imports or re-exports, and the paths that they stand for.
    pub(super) imports: BTreeMap<String, Segments>,
    /// The paths of which it imports everything.
    pub(super) globs: Vec<Segments>,
    /// The paths that its code mentions, private imports among them, re-exports not.
    pub(super) mentions: BTreeSet<Segments>,
}

/// The tokens of one group of a file.
type Tokens = Peekable<IntoIter<TokenTree>>;

impl Crate {
    /// Reads the crate whose first file is `root`, following its `mod` declarations; `text` gives a file's text.
    pub(super) fn read(root: &str, text: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut read = Self::default();
        let folder = root.rsplit_once('/').map_or("", |(folder, _)| folder);
        read.file(&[], root.to_owned(), folder.to_owned(), text);
        read
    }

    /// Reads a file that is the module `path`; the files of its children are in `folder`.
    fn file(&mut self, path: &[String], name: String, folder: String, text: &dyn Fn(&str) -> Option<String>) {
        let source = text(&name).unwrap_or_else(|| panic!("{name} cannot be read"));
        let stream: TokenStream = source.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
        self.files.push(name);
        let place = Place { file: self.files.len() - 1, folder, text };
        self.module(path, stream, &place);
    }

    fn module(&mut self, path: &[String], stream: TokenStream, place: &Place<'_>) {
        self.modules.insert(path.to_vec(), Module { file: place.file, ..Module::default() });
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
                "mod" => self.child(path, &mut tokens, place),
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

    /// Reads `name;` or `name { … }` after `mod`.
    fn child(&mut self, parent: &[String], tokens: &mut Tokens, place: &Place<'_>) {
        let name = word(&tokens.next().unwrap());
        self.at(parent).children.insert(name.clone());
        let path: Segments = parent.iter().cloned().chain([name.clone()]).collect();
        let folder = format!("{}{}{name}", place.folder, if place.folder.is_empty() { "" } else { "/" });
        if let Some(TokenTree::Group(body)) = tokens.next() {
            return self.module(&path, body.stream(), &Place { folder, ..*place });
        }
        let flat = format!("{folder}.rs");
        let file = if (place.text)(&flat).is_some() { flat } else { format!("{folder}/mod.rs") };
        self.file(&path, file, folder, place.text);
    }
}

/// Where a module is read from.
struct Place<'a> {
    file: usize,
    folder: String,
    text: &'a dyn Fn(&str) -> Option<String>,
}

impl Module {
    /// Reads the name after `fn`, `struct` and the like. What follows it is read as code.
    fn item(&mut self, tokens: &mut Tokens) {
        if let Some(TokenTree::Ident(name)) = tokens.peek()
            && !["fn", "unsafe", "async", "extern"].contains(&name.to_string().as_str())
        {
            self.items.insert(name.to_string());
            tokens.next();
        }
    }

    /// Reads the tree after `use`, to its semicolon.
    fn import(&mut self, tokens: &mut Tokens, is_public: bool) {
        let end = |token: &TokenTree| word(token) == ";";
        let tree: Vec<TokenTree> = std::iter::from_fn(|| tokens.next_if(|token| !end(token))).collect();
        self.import_tree(&[], &mut tree.into_iter().peekable(), is_public);
    }

    /// Reads `a::b`, `a::b as c`, `a::*` or `a::{…}` below `prefix`, and what stands after its commas.
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

    /// Reads a token of code: a path that starts with it, or what is in its group.
    fn mention(&mut self, token: TokenTree, tokens: &mut Tokens) {
        match token {
            TokenTree::Group(group) => self.code(group.stream()),
            TokenTree::Ident(first) => {
                let mut path = vec![first.to_string()];
                while is_colon(tokens.peek()) {
                    tokens.next();
                    if !is_colon(tokens.peek()) {
                        // One colon: the name of a field or of an argument.
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
                // A field or a method has a name of its own.
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

/// A token's text; empty for a group and a literal.
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

/// Reads an attribute after its `#`; true where it is `cfg(test)`.
fn is_for_tests(tokens: &mut Tokens) -> bool {
    tokens.next_if(|token| word(token) == "!");
    let attribute = tokens.next_if(|token| matches!(token, TokenTree::Group(_)));
    attribute.is_some_and(|attribute| attribute.to_string().replace(' ', "") == "[cfg(test)]")
}

/// Skips the rest of an item: to its semicolon or its braces.
fn skip_item(tokens: &mut Tokens) {
    for token in tokens.by_ref() {
        let is_body = matches!(&token, TokenTree::Group(group) if group.delimiter() == Delimiter::Brace);
        if is_body || word(&token) == ";" {
            return;
        }
    }
}

/// Skips `(crate)` and the like after `pub`.
fn skip_visibility(tokens: &mut Tokens) {
    tokens.next_if(
        |token| matches!(token, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis),
    );
}
