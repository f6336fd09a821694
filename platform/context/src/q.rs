//! The query language `q` (clause 4.9): parsing.

use conurb_base::TimeMs;
use regex::Regex;

use crate::ContextError;
use crate::jsonld::LdContext;
use crate::model::Name;

/// A parsed `q`.
#[derive(Debug, Clone)]
pub enum Q {
    /// All must hold.
    And(Vec<Q>),
    /// One must hold.
    Or(Vec<Q>),
    /// The element exists.
    Exists(Path),
    /// The element compares.
    Compare(Path, Relation, Operand),
}

/// What is looked at: an attribute, sub-attributes below it, and a place inside its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// The attribute, then sub-attributes, expanded.
    pub names: Vec<Name>,
    /// Keys into the value (or a language tag, `*` for any).
    pub keys: Vec<String>,
}

/// How an element is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
    /// `~=`
    Matches,
    /// `!~=`
    MatchesNot,
}

/// What an element is compared with.
#[derive(Debug, Clone)]
pub enum Operand {
    /// One of these.
    Any(Vec<Literal>),
    /// From the first to the second, both included.
    Range(Literal, Literal),
    /// Texts that match.
    Pattern(Regex),
}

/// A value in a query.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// A number.
    Number(f64),
    /// `true`, `false`.
    Bool(bool),
    /// An instant, with the text as it was given.
    Time(TimeMs, String),
    /// A quoted text, URI or bare word, and what it expands to as a vocabulary value.
    Text(String, Name),
}

/// Bounds a regular expression's compiled size.
const REGEX_BYTES: usize = 1 << 18;

/// Compiles a pattern within bounds.
pub(crate) fn pattern(text: &str) -> Result<Regex, ContextError> {
    regex::RegexBuilder::new(text)
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .build()
        .map_err(|e| {
            let first: String = e.to_string().lines().last().unwrap_or_default().to_owned();
            ContextError::request(format!("the pattern {text:?} cannot be used: {first}"))
        })
}

impl Q {
    /// Parses `text` with names expanded in `ctx`; at most `terms` comparisons.
    pub fn parse(text: &str, ctx: &LdContext, terms: usize) -> Result<Self, ContextError> {
        let mut p = Parser {
            text,
            at: 0,
            ctx,
            left: terms,
            depth: 0,
        };
        let q = p.or()?;
        if p.at < text.len() {
            return Err(p.error("something is left over"));
        }
        Ok(q)
    }

    /// The attributes it looks at.
    pub fn attributes<'q>(&'q self, out: &mut Vec<&'q Name>) {
        match self {
            Self::And(all) | Self::Or(all) => all.iter().for_each(|q| q.attributes(out)),
            Self::Exists(path) | Self::Compare(path, ..) => out.extend(path.names.first()),
        }
    }
}

struct Parser<'p> {
    text: &'p str,
    at: usize,
    ctx: &'p LdContext,
    left: usize,
    depth: usize,
}

impl<'p> Parser<'p> {
    fn rest(&self) -> &'p str {
        &self.text[self.at..]
    }

    fn error(&self, what: &str) -> ContextError {
        let near: String = self.rest().chars().take(24).collect();
        ContextError::request(format!(
            "q: {what} at character {} (near {near:?})",
            self.at + 1
        ))
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn or(&mut self) -> Result<Q, ContextError> {
        let mut all = vec![self.and()?];
        while self.eat("|") {
            all.push(self.and()?);
        }
        Ok(one_or(all, Q::Or))
    }

    fn and(&mut self) -> Result<Q, ContextError> {
        let mut all = vec![self.term()?];
        while self.eat(";") {
            all.push(self.term()?);
        }
        Ok(one_or(all, Q::And))
    }

    fn term(&mut self) -> Result<Q, ContextError> {
        if self.eat("(") {
            self.depth += 1;
            if self.depth > 32 {
                return Err(ContextError::TooComplexQuery {
                    what: "q nests deeper than 32".into(),
                });
            }
            let inner = self.or()?;
            self.depth -= 1;
            return if self.eat(")") {
                Ok(inner)
            } else {
                Err(self.error("a ) is missing"))
            };
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| ContextError::TooComplexQuery {
                what: "q has too many terms".into(),
            })?;
        let path = self.path()?;
        let Some(relation) = self.relation() else {
            return match self.rest().chars().next() {
                None | Some(';' | '|' | ')') => Ok(Q::Exists(path)),
                Some(_) => Err(self.error("an operator is missing")),
            };
        };
        let operand = self.operand(relation)?;
        Ok(Q::Compare(path, relation, operand))
    }

    fn relation(&mut self) -> Option<Relation> {
        [
            ("==", Relation::Equal),
            ("!~=", Relation::MatchesNot),
            ("!=", Relation::Unequal),
            (">=", Relation::GreaterEqual),
            ("<=", Relation::LessEqual),
            ("~=", Relation::Matches),
            (">", Relation::Greater),
            ("<", Relation::Less),
        ]
        .into_iter()
        .find_map(|(token, r)| self.eat(token).then_some(r))
    }

    fn path(&mut self) -> Result<Path, ContextError> {
        let end = self
            .rest()
            .find(['=', '!', '<', '>', '~', ';', '|', ')', '(', '[', '{', '"'])
            .unwrap_or(self.rest().len());
        let dotted = self.rest()[..end].trim();
        if self.rest()[end..].starts_with('{') {
            return Err(ContextError::not_yet("a path into linked entities in q"));
        }
        if dotted.is_empty() {
            return Err(self.error("an attribute name is missing"));
        }
        let whole = [dotted];
        let mut names = Vec::new();
        let parts: Vec<&str> = if dotted.contains("://") {
            whole.to_vec()
        } else {
            dotted.split('.').collect()
        };
        for part in parts {
            names.push(
                self.ctx
                    .expand(part)
                    .map_err(|_| self.error("this is no attribute name"))?,
            );
        }
        self.at += end;
        let mut keys = Vec::new();
        if self.eat("[") {
            let Some(close) = self.rest().find(']') else {
                return Err(self.error("a ] is missing"));
            };
            let inside = &self.rest()[..close];
            if inside.is_empty() || inside.split('.').any(str::is_empty) {
                return Err(self.error("an empty key between [ and ]"));
            }
            keys = inside.split('.').map(str::to_owned).collect();
            self.at += close + 1;
        }
        Ok(Path { names, keys })
    }

    fn operand(&mut self, relation: Relation) -> Result<Operand, ContextError> {
        if matches!(relation, Relation::Matches | Relation::MatchesNot) {
            return self
                .pattern_text()
                .and_then(|t| pattern(&t))
                .map(Operand::Pattern);
        }
        let first = self.literal()?;
        if self.eat("..") {
            let last = self.literal()?;
            return only_equality(relation, Operand::Range(first, last));
        }
        let mut all = vec![first];
        while self.eat(",") {
            all.push(self.literal()?);
        }
        if all.len() == 1 {
            return Ok(Operand::Any(all));
        }
        only_equality(relation, Operand::Any(all))
    }

    /// A pattern runs to the next `;` or `|` or the closing bracket outside its own brackets;
    /// quoted, to the closing quote.
    fn pattern_text(&mut self) -> Result<String, ContextError> {
        if self.rest().starts_with('"') {
            return self.quoted();
        }
        let mut open = 0i32;
        let mut end = self.rest().len();
        for (i, c) in self.rest().char_indices() {
            match c {
                '(' | '[' => open += 1,
                ')' if open == 0 => {
                    end = i;
                    break;
                }
                ')' | ']' => open -= 1,
                ';' | '|' if open <= 0 => {
                    end = i;
                    break;
                }
                _ => {}
            }
        }
        let text = self.rest()[..end].to_owned();
        if text.is_empty() {
            return Err(self.error("a pattern is missing"));
        }
        self.at += end;
        Ok(text)
    }

    fn quoted(&mut self) -> Result<String, ContextError> {
        let mut out = String::new();
        let mut escaped = false;
        for (i, c) in self.rest().char_indices().skip(1) {
            match c {
                _ if escaped => {
                    if c != '"' && c != '\\' {
                        out.push('\\');
                    }
                    out.push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => {
                    self.at += i + 1;
                    return Ok(out);
                }
                c => out.push(c),
            }
        }
        Err(self.error("a closing \" is missing"))
    }

    fn literal(&mut self) -> Result<Literal, ContextError> {
        if self.rest().starts_with('"') {
            let text = self.quoted()?;
            let name = self.ctx.expand_value(&text);
            return Ok(Literal::Text(text, name));
        }
        let rest = self.rest();
        let stop = rest
            .find([';', '|', ')', ',', '(', '"'])
            .unwrap_or(rest.len());
        let end = rest[..stop].find("..").unwrap_or(stop);
        let text = &rest[..end];
        if text.is_empty() {
            return Err(self.error("a value is missing"));
        }
        self.at += end;
        Ok(bare(text, self.ctx))
    }
}

/// A value without quotes: a boolean, number, instant, or text.
fn bare(text: &str, ctx: &LdContext) -> Literal {
    match text {
        "true" => return Literal::Bool(true),
        "false" => return Literal::Bool(false),
        _ => {}
    }
    if text.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')
        && let Ok(n) = text.parse::<f64>()
        && n.is_finite()
    {
        return Literal::Number(n);
    }
    if text.contains('T')
        && let Some(t) = crate::parse::read_time(text)
    {
        return Literal::Time(t, text.to_owned());
    }
    Literal::Text(text.to_owned(), ctx.expand_value(text))
}

fn one_or(mut all: Vec<Q>, many: fn(Vec<Q>) -> Q) -> Q {
    if all.len() == 1
        && let Some(one) = all.pop()
    {
        return one;
    }
    many(all)
}

fn only_equality(relation: Relation, operand: Operand) -> Result<Operand, ContextError> {
    if matches!(relation, Relation::Equal | Relation::Unequal) {
        return Ok(operand);
    }
    Err(ContextError::request(
        "q: lists and ranges go with == and != only",
    ))
}
