//! What can go wrong with rasters, each with code, place and remedy.

use conurb_base::{At, Coded};

/// Every error of this crate.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GeoError {
    /// A raster is truncated, or is not what its format says.
    #[error("{file}: {message}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the decoder or the system said.
        message: String,
    },
    /// A raster is sound but not of the kind needed: several bands, no georeference, a rotated
    /// grid, a projection without equal areas.
    #[error("{file}: {message}")]
    Unsupported {
        /// The file.
        file: String,
        /// What it has and what is needed.
        message: String,
    },
    /// A raster has more cells than a reader may hold.
    #[error("{file}: {cells} cells are more than {limit}")]
    TooLarge {
        /// The file.
        file: String,
        /// Its cells.
        cells: u64,
        /// The limit.
        limit: u64,
    },
}

impl Coded for GeoError {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "CNB-GEO-0001",
            Self::Unsupported { .. } => "CNB-GEO-0002",
            Self::TooLarge { .. } => "CNB-GEO-0003",
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Unreadable { .. } => 400,
            Self::Unsupported { .. } => 422,
            Self::TooLarge { .. } => 413,
        }
    }

    fn title(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "Raster cannot be read",
            Self::Unsupported { .. } => "Raster of the wrong kind",
            Self::TooLarge { .. } => "Raster too large",
        }
    }

    fn at(&self) -> Option<At> {
        let (Self::Unreadable { file, .. }
        | Self::Unsupported { file, .. }
        | Self::TooLarge { file, .. }) = self;
        Some(At {
            file: Some(file.clone()),
            ..At::default()
        })
    }

    fn remedy(&self) -> Option<String> {
        Some(
            match self {
                Self::Unreadable { .. } => "Fetch the file again, or write it as GeoTIFF.",
                Self::Unsupported { .. } => {
                    "Write one band, north up, in degrees or in an equal-area projection."
                }
                Self::TooLarge { .. } => "Cut the raster to the region of interest.",
            }
            .to_owned(),
        )
    }
}
