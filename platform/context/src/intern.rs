//! One pointer per name: type and attribute IRIs are few and repeated in every entity.

use std::sync::{Arc, LazyLock, RwLock};

use rustc_hash::FxHashSet;

use crate::model::Name;

/// How many names are kept; beyond it a name is still correct, only no longer shared.
const LIMIT: usize = 200_000;

static NAMES: LazyLock<RwLock<FxHashSet<Arc<str>>>> = LazyLock::new(Default::default);

/// The shared pointer of `name`. Names are shared by the whole process.
#[must_use]
pub fn intern(name: &str) -> Name {
    let known = NAMES
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = known.get(name) {
        return found.clone();
    }
    drop(known);
    let mut names = NAMES
        .write()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = names.get(name) {
        return found.clone();
    }
    let fresh: Arc<str> = Arc::from(name);
    if names.len() < LIMIT {
        names.insert(fresh.clone());
    }
    fresh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_names_share_a_pointer() {
        let a = intern("https://example.org/a");
        assert!(Arc::ptr_eq(&a, &intern("https://example.org/a")));
        assert_eq!(&*intern("b"), "b");
    }
}
