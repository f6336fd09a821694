//! What can go wrong in a store.

use conurb_base::{At, Coded};

/// An error of a store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("{doing} {path}: {source}")]
    Io {
        /// What we were doing, e.g. "cannot write".
        doing: &'static str,
        /// On which file.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The disk is full.
    #[error("the disk that holds {path} is full; nothing of this write was kept")]
    DiskFull {
        /// The file being written.
        path: String,
    },
    /// Another process has the store open.
    #[error("{path} is in use by another process")]
    Locked {
        /// The store's folder.
        path: String,
    },
    /// Bytes on disk are not what was written.
    #[error("{path} is damaged at byte {offset}: {what}")]
    Damaged {
        /// The file.
        path: String,
        /// Where in it.
        offset: u64,
        /// What was found.
        what: String,
    },
    /// The store was written by a newer version.
    #[error("{path} has format {found}; this version reads up to {known}")]
    TooNew {
        /// The file.
        path: String,
        /// Its format.
        found: u32,
        /// The newest format known here.
        known: u32,
    },
    /// A sync failed: whether the write survives a crash is unknown, so the store stopped.
    #[error("{path}: the disk did not confirm a write ({what}); the store is closed for writing")]
    Uncertain {
        /// The file.
        path: String,
        /// What the system said.
        what: String,
    },
    /// The configuration database refused.
    #[error("registry {path}: {what}")]
    Registry {
        /// The database file.
        path: String,
        /// What it said.
        what: String,
    },
    /// A history file could not be written or read.
    #[error("history {path}: {what}")]
    History {
        /// The file.
        path: String,
        /// What went wrong.
        what: String,
    },
}

impl Coded for StoreError {
    fn code(&self) -> &'static str {
        match self {
            Self::Io { .. } => "CNB-STORE-0001",
            Self::DiskFull { .. } => "CNB-STORE-0002",
            Self::Locked { .. } => "CNB-STORE-0003",
            Self::Damaged { .. } => "CNB-STORE-0004",
            Self::TooNew { .. } => "CNB-STORE-0005",
            Self::Uncertain { .. } => "CNB-STORE-0006",
            Self::Registry { .. } => "CNB-STORE-0007",
            Self::History { .. } => "CNB-STORE-0008",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::DiskFull { .. } => 507,
            Self::Locked { .. } | Self::Uncertain { .. } => 503,
            _ => 500,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Io { .. } => "The store cannot reach its files",
            Self::DiskFull { .. } => "The disk is full",
            Self::Locked { .. } => "The store is in use",
            Self::Damaged { .. } => "The store is damaged",
            Self::TooNew { .. } => "The store is from a newer version",
            Self::Uncertain { .. } => "The disk did not confirm a write",
            Self::Registry { .. } => "The registry refused",
            Self::History { .. } => "A history file failed",
        }
    }

    fn at(&self) -> Option<At> {
        match self {
            Self::Damaged { path, .. } => Some(At {
                file: Some(path.clone()),
                ..At::default()
            }),
            _ => None,
        }
    }

    fn remedy(&self) -> Option<String> {
        Some(match self {
            Self::Io { .. } => {
                "check that the folder exists and may be written by this user".into()
            }
            Self::DiskFull { .. } => "free space on that disk, then try again".into(),
            Self::Locked { .. } => {
                "stop the other process, or choose another folder with --data".into()
            }
            Self::Damaged { .. } => {
                "restore the file from a backup; `conurb doctor` lists what is affected".into()
            }
            Self::TooNew { .. } => "open it with the newer version of conurb".into(),
            Self::Uncertain { .. } => {
                "check the disk, then restart: what was acknowledged is kept".into()
            }
            Self::Registry { .. } | Self::History { .. } => {
                "check free space and permissions of the data folder".into()
            }
        })
    }
}
