//! The registry: small JSON documents in SQLite, each change durable at once.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::LockFile;
use crate::{RegistryStore, StoreError};

const FORMAT: u32 = 1;

pub(crate) struct Registry {
    path: PathBuf,
    connection: Mutex<Connection>,
    _lock: Arc<LockFile>,
}

/// What an error of SQLite means for a store.
pub(crate) fn refused(path: &Path) -> impl Fn(rusqlite::Error) -> StoreError + '_ {
    |error| {
        let path = path.display().to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => StoreError::DiskFull { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                StoreError::Locked { path }
            }
            _ => StoreError::Registry {
                path,
                what: error.to_string(),
            },
        }
    }
}

/// Opens the database with the given `synchronous` setting and checks its format.
pub(crate) fn connect(path: &Path, synchronous: &str) -> Result<Connection, StoreError> {
    let open = || -> rusqlite::Result<(Connection, u32)> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
        connection.pragma_update(None, "synchronous", synchronous)?;
        let found = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
        if found == 0 {
            connection.pragma_update(None, "user_version", FORMAT)?;
        }
        Ok((connection, found))
    };
    let (connection, found) = open().map_err(refused(path))?;
    if found > FORMAT {
        return Err(StoreError::TooNew {
            path: path.display().to_string(),
            found,
            known: FORMAT,
        });
    }
    Ok(connection)
}

impl Registry {
    pub(crate) fn open(path: &Path, synced: bool, lock: Arc<LockFile>) -> Result<Self, StoreError> {
        let connection = connect(path, if synced { "FULL" } else { "NORMAL" })?;
        connection
            .execute_batch(
                "CREATE TABLE IF NOT EXISTS document (
                    kind TEXT NOT NULL, id TEXT NOT NULL, json TEXT NOT NULL,
                    PRIMARY KEY (kind, id)) WITHOUT ROWID;",
            )
            .map_err(refused(path))?;
        Ok(Self {
            path: path.to_owned(),
            connection: Mutex::new(connection),
            _lock: lock,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl RegistryStore for Registry {
    fn put(&self, kind: &str, id: &str, json: &str) -> Result<(), StoreError> {
        self.lock()
            .execute(
                "INSERT INTO document VALUES (?1, ?2, ?3)
                 ON CONFLICT (kind, id) DO UPDATE SET json = excluded.json",
                params![kind, id, json],
            )
            .map(|_| ())
            .map_err(refused(&self.path))
    }

    fn get(&self, kind: &str, id: &str) -> Result<Option<String>, StoreError> {
        self.lock()
            .query_row(
                "SELECT json FROM document WHERE kind = ?1 AND id = ?2",
                params![kind, id],
                |row| row.get(0),
            )
            .optional()
            .map_err(refused(&self.path))
    }

    fn delete(&self, kind: &str, id: &str) -> Result<bool, StoreError> {
        self.lock()
            .execute(
                "DELETE FROM document WHERE kind = ?1 AND id = ?2",
                params![kind, id],
            )
            .map(|gone| gone > 0)
            .map_err(refused(&self.path))
    }

    fn list(&self, kind: &str) -> Result<Vec<(String, String)>, StoreError> {
        let connection = self.lock();
        let query = || -> rusqlite::Result<Vec<(String, String)>> {
            let mut statement = connection
                .prepare_cached("SELECT id, json FROM document WHERE kind = ?1 ORDER BY id")?;
            statement
                .query_map([kind], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect()
        };
        query().map_err(refused(&self.path))
    }
}
