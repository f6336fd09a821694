//! Type selection (clause 4.17) and scope queries (clause 4.19).

use crate::ContextError;
use crate::jsonld::LdContext;
use crate::model::{Entity, Name};

/// A boolean expression over `T`: `,` and `|` are or, `;` is and.
#[derive(Debug, Clone, PartialEq)]
enum Expr<T> {
    Is(T),
    And(Vec<Expr<T>>),
    Or(Vec<Expr<T>>),
}

impl<T> Expr<T> {
    fn holds(&self, test: &impl Fn(&T) -> bool) -> bool {
        match self {
            Self::Is(t) => test(t),
            Self::And(all) => all.iter().all(|e| e.holds(test)),
            Self::Or(all) => all.iter().any(|e| e.holds(test)),
        }
    }
}

struct Parser<'p, F> {
    what: &'static str,
    text: &'p str,
    at: usize,
    depth: usize,
    left: usize,
    leaf: F,
}

impl<'p, T, F: Fn(&'p str) -> Result<T, ContextError>> Parser<'p, F> {
    fn error(&self, why: &str) -> ContextError {
        ContextError::request(format!("{}: {why} at character {}", self.what, self.at + 1))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn or(&mut self) -> Result<Expr<T>, ContextError> {
        let mut all = vec![self.and()?];
        while matches!(self.peek(), Some(b',' | b'|')) {
            self.at += 1;
            all.push(self.and()?);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Expr::Or(all)
        })
    }

    fn and(&mut self) -> Result<Expr<T>, ContextError> {
        let mut all = vec![self.one()?];
        while self.peek() == Some(b';') {
            self.at += 1;
            all.push(self.one()?);
        }
        Ok(if all.len() == 1 {
            all.remove(0)
        } else {
            Expr::And(all)
        })
    }

    fn one(&mut self) -> Result<Expr<T>, ContextError> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| ContextError::TooComplexQuery {
                what: format!("{} has too many terms", self.what),
            })?;
        if self.peek() == Some(b'(') {
            self.depth += 1;
            if self.depth > 32 {
                return Err(self.error("nests too deeply"));
            }
            self.at += 1;
            let inner = self.or()?;
            self.depth -= 1;
            if self.peek() != Some(b')') {
                return Err(self.error("a ) is missing"));
            }
            self.at += 1;
            return Ok(inner);
        }
        let rest = &self.text[self.at..];
        let end = rest.find([',', '|', ';', '(', ')']).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error("a name is missing"));
        }
        let leaf = (self.leaf)(rest[..end].trim())?;
        self.at += end;
        Ok(Expr::Is(leaf))
    }

    fn whole(mut self) -> Result<Expr<T>, ContextError> {
        let e = self.or()?;
        if self.at < self.text.len() {
            return Err(self.error("something is left over"));
        }
        Ok(e)
    }
}

/// Which types: `A,B`, `(A;B)`, `*`.
#[derive(Debug, Clone, PartialEq)]
pub struct TypeSelection(Option<Expr<Name>>);

impl TypeSelection {
    /// Parses a type selection with names expanded in `ctx`.
    pub fn parse(text: &str, ctx: &LdContext) -> Result<Self, ContextError> {
        if text == "*" {
            return Ok(Self(None));
        }
        Parser {
            what: "type",
            text,
            at: 0,
            depth: 0,
            left: 200,
            leaf: |t: &str| ctx.expand(t),
        }
        .whole()
        .map(|e| Self(Some(e)))
    }

    /// Whether the selection is `*`.
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.0.is_none()
    }

    /// Whether `entity` has the types.
    #[must_use]
    pub fn fits(&self, entity: &Entity) -> bool {
        self.0
            .as_ref()
            .is_none_or(|e| e.holds(&|t: &Name| entity.is_a(t)))
    }
}

/// One level of a scope pattern.
#[derive(Debug, Clone, PartialEq)]
enum Level {
    Is(String),
    Any,
    Subtree,
}

/// Which scopes: `/a/b`, `/a/+`, `/a/#`, with `;`, `,`, `|` and parentheses.
#[derive(Debug, Clone, PartialEq)]
pub struct ScopeQuery(Expr<Vec<Level>>);

impl ScopeQuery {
    /// Parses `scopeQ`.
    pub fn parse(text: &str) -> Result<Self, ContextError> {
        Parser {
            what: "scopeQ",
            text,
            at: 0,
            depth: 0,
            left: 200,
            leaf: levels,
        }
        .whole()
        .map(Self)
    }

    /// Whether one of the entity's scopes fits (each term on its own).
    #[must_use]
    pub fn fits(&self, entity: &Entity) -> bool {
        self.0
            .holds(&|p: &Vec<Level>| entity.scope.iter().any(|s| fits_levels(p, s)))
    }
}

fn levels(text: &str) -> Result<Vec<Level>, ContextError> {
    let bad = || ContextError::request(format!("scopeQ: {text:?} is no scope pattern"));
    let rest = text.strip_prefix('/').ok_or_else(bad)?;
    let parts: Vec<&str> = rest.split('/').collect();
    parts
        .iter()
        .enumerate()
        .map(|(i, part)| match *part {
            "+" => Ok(Level::Any),
            "#" if i + 1 == parts.len() => Ok(Level::Subtree),
            "#" | "" => Err(bad()),
            name => Ok(Level::Is(name.to_owned())),
        })
        .collect()
}

fn fits_levels(pattern: &[Level], scope: &str) -> bool {
    let parts: Vec<&str> = scope
        .strip_prefix('/')
        .unwrap_or(scope)
        .split('/')
        .collect();
    let mut at = 0;
    for level in pattern {
        match level {
            Level::Subtree => return true,
            Level::Any if at < parts.len() => at += 1,
            Level::Is(name) if parts.get(at) == Some(&name.as_str()) => at += 1,
            _ => return false,
        }
    }
    at == parts.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_fit_by_level() {
        let fits = |q: &str, s: &str| {
            let mut e = Entity::new("urn:x", crate::intern("urn:t"));
            e.scope = s.split(' ').map(str::to_owned).collect();
            ScopeQuery::parse(q).unwrap().fits(&e)
        };
        assert!(fits("/a/b", "/a/b"));
        assert!(!fits("/a", "/a/b"));
        assert!(fits("/a/+", "/a/b"));
        assert!(!fits("/a/+", "/a/b/c"));
        assert!(fits("/a/#", "/a/b/c"));
        assert!(fits("/a/#", "/a"));
        assert!(fits("/#", "/x"));
        assert!(fits("(/a;/b)", "/a /b"));
        assert!(!fits("/a;/b", "/a"));
        assert!(fits("/a,/b", "/b"));
        for bad in ["a", "/", "/a/#/b", "(/a", "/a)", ""] {
            assert!(ScopeQuery::parse(bad).is_err(), "{bad}");
        }
    }
}
