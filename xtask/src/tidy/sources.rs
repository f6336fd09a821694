//! Rust files: a `//!` header, bearable sizes, and calls that have a better replacement here.

use std::ops::RangeInclusive;

use anyhow::Result;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::Finding;
use super::repo::Repo;

/// Lines of a file worth a hint, and not allowed.
const FILE_LINES: (usize, usize) = (600, 700);
/// Lines of a function worth a hint, and not allowed.
const FUNCTION_LINES: (usize, usize) = (70, 100);

/// A call that is not used here.
struct Ban {
    /// Its tokens, one after the other.
    tokens: &'static [&'static str],
    /// What to use.
    instead: &'static str,
    /// Whether tests may use it.
    in_tests: bool,
    /// Folders or files that may use it.
    except: &'static [&'static str],
}

/// Programs that talk to a terminal.
const PROGRAMS: &[&str] = &["server/", "xtask/", "benches/", "fuzz/", "examples/"];
/// The one place that reads the machine's clock, and the tooling.
const CLOCKS: &[&str] = &[
    "foundation/base/src/time.rs",
    "xtask/src/shell.rs",
    "benches/",
];

/// All of them.
const BANS: &[Ban] = &[
    Ban {
        tokens: &["SystemTime", "::", "now"],
        instead: "take a conurb_base::Clock",
        in_tests: false,
        except: CLOCKS,
    },
    Ban {
        tokens: &["Instant", "::", "now"],
        instead: "take a conurb_base::Clock (monotonic_ns)",
        in_tests: true,
        except: CLOCKS,
    },
    Ban {
        tokens: &["Timestamp", "::", "now"],
        instead: "take a conurb_base::Clock",
        in_tests: false,
        except: CLOCKS,
    },
    Ban {
        tokens: &["Zoned", "::", "now"],
        instead: "take a conurb_base::Clock",
        in_tests: false,
        except: CLOCKS,
    },
    Ban {
        tokens: &["thread_rng"],
        instead: "conurb_base::stream(seed, entity, purpose)",
        in_tests: false,
        except: &[],
    },
    Ban {
        tokens: &["rand", "::", "rng"],
        instead: "conurb_base::stream(seed, entity, purpose)",
        in_tests: false,
        except: &[],
    },
    Ban {
        tokens: &["from_os_rng"],
        instead: "conurb_base::stream(seed, entity, purpose)",
        in_tests: false,
        except: &[],
    },
    Ban {
        tokens: &["Uuid", "::", "new_v4"],
        instead: "an id made from its parts",
        in_tests: false,
        except: &[],
    },
    Ban {
        tokens: &["println", "!"],
        instead: "tracing, or return the text",
        in_tests: true,
        except: PROGRAMS,
    },
    Ban {
        tokens: &["eprintln", "!"],
        instead: "tracing, or return an error",
        in_tests: true,
        except: PROGRAMS,
    },
    Ban {
        tokens: &["print", "!"],
        instead: "tracing, or return the text",
        in_tests: true,
        except: PROGRAMS,
    },
    Ban {
        tokens: &["dbg", "!"],
        instead: "tracing",
        in_tests: false,
        except: &[],
    },
    Ban {
        tokens: &["todo", "!"],
        instead: "an error that says what is not there yet",
        in_tests: false,
        except: &[],
    },
    Ban {
        tokens: &["unimplemented", "!"],
        instead: "an error that says what is not there yet",
        in_tests: false,
        except: &[],
    },
    Ban {
        tokens: &[".", "unwrap", "()"],
        instead: "expect(\"why it cannot fail\") or an error",
        in_tests: true,
        except: &[],
    },
    Ban {
        tokens: &["#", "ignore"],
        instead: "a test that runs, or say why it does not: #[ignore = \"why\"]",
        in_tests: false,
        except: &[],
    },
];

/// Checks every Rust file.
pub(super) fn check(repo: &Repo) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for file in repo.ending(".rs") {
        match repo.text(file)? {
            Some(text) => findings.extend(check_text(file, &text)),
            None => findings.push(Finding::new(file, "is no UTF-8", "save it as UTF-8")),
        }
    }
    Ok(findings)
}

fn check_text(file: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if !text
        .lines()
        .find(|l| !l.trim().is_empty())
        .is_some_and(|l| l.starts_with("//!"))
    {
        findings.push(Finding::at(
            file,
            1,
            "has no `//!` header",
            "say in one sentence what the file is for",
        ));
    }
    let lines = text.lines().count();
    if let Some(finding) = long(lines, FILE_LINES, format!("{file}:1"), "the file") {
        findings.push(finding);
    }
    let syntax = match syn::parse_file(text) {
        Ok(syntax) => syntax,
        Err(error) => {
            let line = error.span().start().line;
            findings.push(Finding::at(
                file,
                line,
                format!("does not parse: {error}"),
                "make it compile",
            ));
            return findings;
        }
    };
    let mut reader = Reader::default();
    reader.visit_file(&syntax);
    for (name, line, length) in &reader.functions {
        findings.extend(long(
            *length,
            FUNCTION_LINES,
            format!("{file}:{line}"),
            &format!("fn {name}"),
        ));
    }
    let all_test = is_test_file(file);
    if let Ok(tokens) = text.parse::<TokenStream>() {
        let mut flat = Vec::new();
        flatten(tokens, &mut flat);
        for (ban, line) in banned(&flat) {
            let in_test = all_test || reader.tests.iter().any(|range| range.contains(&line));
            if (in_test && ban.in_tests) || ban.except.iter().any(|e| file.starts_with(e)) {
                continue;
            }
            findings.push(Finding::at(
                file,
                line,
                format!("`{}` is not used here", ban.tokens.concat()),
                format!("use {}", ban.instead),
            ));
        }
    }
    findings
}

fn is_test_file(file: &str) -> bool {
    file.starts_with("tests/")
        || file.contains("/tests/")
        || file.ends_with("/tests.rs")
        // Behaviour suites: library code that only tests call.
        || file.ends_with("/suite.rs")
        || file.contains("/examples/")
        || file.starts_with("fuzz/")
        || file.starts_with("foundation/testkit/")
}

fn long(lines: usize, (hint, most): (usize, usize), place: String, what: &str) -> Option<Finding> {
    let finding = Finding::new(
        place,
        format!("{what} has {lines} lines (hint above {hint}, error above {most})"),
        "split it by purpose",
    );
    match lines {
        n if n > most => Some(finding),
        n if n > hint => Some(finding.hint()),
        _ => None,
    }
}

/// Finds functions with their lengths, and the lines that are tests.
#[derive(Default)]
struct Reader {
    functions: Vec<(String, usize, usize)>,
    tests: Vec<RangeInclusive<usize>>,
}

impl Reader {
    fn attributes(&mut self, attributes: &[syn::Attribute], item: impl Spanned) {
        let test = attributes.iter().any(|a| match &a.meta {
            syn::Meta::Path(path) => path.segments.last().is_some_and(|s| s.ident == "test"),
            syn::Meta::List(list) => {
                list.path.is_ident("cfg") && {
                    let text = list.tokens.to_string();
                    text == "test" || text.starts_with("any (test") || text.starts_with("all (test")
                }
            }
            syn::Meta::NameValue(_) => false,
        });
        if test {
            let span = item.span();
            self.tests.push(span.start().line..=span.end().line);
        }
    }

    fn function(&mut self, name: &syn::Ident, item: impl Spanned) {
        let span = item.span();
        let (start, end) = (span.start().line, span.end().line);
        self.functions
            .push((name.to_string(), start, end + 1 - start));
    }
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.attributes(&item.attrs, item);
        visit::visit_item_mod(self, item);
    }

    fn visit_item_impl(&mut self, item: &'ast syn::ItemImpl) {
        self.attributes(&item.attrs, item);
        visit::visit_item_impl(self, item);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.attributes(&item.attrs, item);
        self.function(&item.sig.ident, &item.block);
        visit::visit_item_fn(self, item);
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.attributes(&item.attrs, item);
        self.function(&item.sig.ident, &item.block);
        visit::visit_impl_item_fn(self, item);
    }
}

/// All tokens in reading order, groups opened; an empty pair of parentheses is one token `()`.
/// Comments are no tokens, and texts stay whole.
fn flatten(tokens: TokenStream, into: &mut Vec<(String, usize)>) {
    let mut colon = false;
    for token in tokens {
        let line = token.span().start().line;
        match token {
            TokenTree::Group(group) => {
                let inner = group.stream();
                if inner.is_empty() && group.delimiter() == Delimiter::Parenthesis {
                    into.push(("()".to_owned(), line));
                } else {
                    into.push(("(".to_owned(), line));
                    flatten(inner, into);
                    into.push((")".to_owned(), line));
                }
                colon = false;
            }
            TokenTree::Punct(p) if p.as_char() == ':' => {
                if colon {
                    into.pop();
                    into.push(("::".to_owned(), line));
                } else {
                    into.push((":".to_owned(), line));
                }
                colon = !colon;
            }
            other => {
                into.push((other.to_string(), line));
                colon = false;
            }
        }
    }
}

fn banned(tokens: &[(String, usize)]) -> Vec<(&'static Ban, usize)> {
    let mut found = Vec::new();
    for start in 0..tokens.len() {
        for ban in BANS {
            // An attribute's bracket lies between `#` and its name.
            let wanted = ban.tokens;
            let hit = if wanted == ["#", "ignore"] {
                tokens[start].0 == "#"
                    && tokens.get(start + 1).is_some_and(|t| t.0 == "(")
                    && tokens.get(start + 2).is_some_and(|t| t.0 == "ignore")
                    && tokens.get(start + 3).is_some_and(|t| t.0 == ")") // no reason given
            } else {
                wanted
                    .iter()
                    .enumerate()
                    .all(|(i, want)| tokens.get(start + i).is_some_and(|t| t.0 == *want))
            };
            if hit {
                found.push((ban, tokens[start].1));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whats(file: &str, text: &str) -> Vec<String> {
        check_text(file, text)
            .into_iter()
            .filter(|f| !f.hint)
            .map(|f| f.place + " " + &f.what)
            .collect()
    }

    #[test]
    fn a_missing_header_is_found() {
        assert_eq!(whats("a.rs", "fn f() {}\n"), ["a.rs:1 has no `//!` header"]);
        assert!(whats("a.rs", "//! Does f.\nfn f() {}\n").is_empty());
    }

    #[test]
    fn long_files_and_functions_are_found() {
        let f = format!("//! h\nfn f() {{\n{}}}\n", "    g();\n".repeat(100));
        assert_eq!(
            whats("a.rs", &f),
            ["a.rs:2 fn f has 102 lines (hint above 70, error above 100)"]
        );
        let hinted = format!("//! h\nfn f() {{\n{}}}\n", "    g();\n".repeat(75));
        assert!(whats("a.rs", &hinted).is_empty());
        assert!(check_text("a.rs", &hinted)[0].hint);
        let file = format!("//! h\n{}", "const _: () = ();\n".repeat(700));
        assert_eq!(
            whats("a.rs", &file),
            ["a.rs:1 the file has 701 lines (hint above 600, error above 700)"]
        );
    }

    #[test]
    fn banned_calls_are_found_with_their_line_wherever_they_hide() {
        let text = "//! h\nfn f() {\n    let t = std::time::SystemTime::now();\n    format!(\"{}\", x.unwrap());\n    println!(\"x\");\n}\n";
        assert_eq!(
            whats("platform/a/src/lib.rs", text),
            [
                "platform/a/src/lib.rs:3 `SystemTime::now` is not used here",
                "platform/a/src/lib.rs:4 `.unwrap()` is not used here",
                "platform/a/src/lib.rs:5 `println!` is not used here",
            ]
        );
    }

    #[test]
    fn comments_texts_and_tests_may_name_them() {
        let text = "//! h\n// x.unwrap()\n/// todo!()\nfn f() { g(\"Instant::now()\") }\n#[cfg(test)]\nmod tests {\n    fn g() { x.unwrap(); }\n}\n#[test]\nfn h() { x.unwrap(); }\n";
        assert!(whats("a/src/lib.rs", text).is_empty());
        assert!(whats("a/tests/it/main.rs", "//! h\nfn f() { x.unwrap(); }\n").is_empty());
        assert_eq!(
            whats(
                "a/src/lib.rs",
                "//! h\n#[cfg(test)]\nmod t { fn f() { rand::rng(); } }\n"
            )
            .len(),
            1
        );
    }

    #[test]
    fn programs_may_print_and_the_clock_may_read_the_time() {
        assert!(whats("server/src/main.rs", "//! h\nfn f() { println!(); }\n").is_empty());
        assert!(
            whats(
                "foundation/base/src/time.rs",
                "//! h\nfn f() { Instant::now(); }\n"
            )
            .is_empty()
        );
    }

    #[test]
    fn an_ignored_test_is_found() {
        assert_eq!(
            whats("a.rs", "//! h\n#[test]\n#[ignore]\nfn f() {}\n"),
            ["a.rs:3 `#ignore` is not used here"]
        );
    }
}
