//! Single-band GeoTIFF: values, nodata, affine transform and the keys that say what a cell covers.
//!
//! The `tiff` crate decodes; keys, transform and nodata are read here (OGC GeoTIFF 1.1, OGC 19-008r4,
//! and GDAL's ASCII tag 42113). Grids are north up; a rotated one is refused.

use std::io::{Cursor, Read, Seek};
use std::path::Path;

use serde::Serialize;
use tiff::decoder::{Decoder, DecodingResult, Limits};
use tiff::tags::Tag;

use crate::{EARTH_RADIUS_KM, GeoError};

/// Cells a raster may have: 64 M cells hold 512 MB as `f64`.
pub const CELLS_MAX: u64 = 64_000_000;

/// How the cells of a raster lie on the Earth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Frame {
    /// Degrees of longitude and latitude.
    Geographic {
        /// EPSG code, e.g. 4326; `None` if the file gives none.
        epsg: Option<u16>,
    },
    /// Metres of a projection that keeps areas (Mollweide, Lambert azimuthal or Albers equal area).
    EqualArea {
        /// The file's name of the projection.
        name: String,
    },
    /// Metres of any other projection: positions are plane, areas are not true.
    Projected {
        /// The file's name of the projection.
        name: String,
    },
}

/// A raster of one band. Cell `(row, col)` is `values[row * cols + col]`; row 0 is the northernmost.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Raster {
    /// Number of rows.
    pub rows: usize,
    /// Number of columns.
    pub cols: usize,
    /// Cell values; `NaN` where the file says nodata.
    #[serde(skip)]
    pub values: Vec<f64>,
    /// Western edge of column 0, in units of the frame.
    pub west: f64,
    /// Northern edge of row 0, in units of the frame.
    pub north: f64,
    /// Width of a cell, in units of the frame, positive.
    pub cell_width: f64,
    /// Height of a cell, in units of the frame, positive.
    pub cell_height: f64,
    /// What the units are.
    pub frame: Frame,
}

impl Raster {
    /// Reads a file.
    ///
    /// # Errors
    /// [`GeoError`]: the file is missing or truncated, has several bands, no georeference, a rotated
    /// grid, or more than [`CELLS_MAX`] cells.
    pub fn read(path: &Path) -> Result<Self, GeoError> {
        let file = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|e| unreadable(&file, &e))?;
        Self::decode(&bytes, &file)
    }

    /// Reads the bytes of a file; `file` is what errors call it.
    ///
    /// # Errors
    /// As [`Raster::read`].
    pub fn decode(bytes: &[u8], file: &str) -> Result<Self, GeoError> {
        let mut limits = Limits::default();
        limits.decoding_buffer_size =
            usize::try_from(CELLS_MAX * 8).expect("half a gigabyte fits an address");
        let mut decoder = Decoder::new(Cursor::new(bytes))
            .map_err(|e| unreadable(file, &e))?
            .with_limits(limits);
        let (cols, rows) = decoder.dimensions().map_err(|e| unreadable(file, &e))?;
        let cells = u64::from(cols) * u64::from(rows);
        if cells > CELLS_MAX {
            return Err(GeoError::TooLarge {
                file: file.to_owned(),
                cells,
                limit: CELLS_MAX,
            });
        }
        one_band(&mut decoder, file)?;
        let place = georeference(&mut decoder, file)?;
        let nodata = nodata(&mut decoder, file)?;
        let values = values(
            decoder.read_image().map_err(|e| unreadable(file, &e))?,
            nodata,
        );
        if values.len() as u64 != cells {
            return Err(unreadable(
                file,
                &format!("{} values for {cells} cells", values.len()),
            ));
        }
        Ok(Self {
            rows: rows as usize,
            cols: cols as usize,
            values,
            west: place.west,
            north: place.north,
            cell_width: place.width,
            cell_height: place.height,
            frame: place.frame,
        })
    }

    /// Value of a cell; `None` for nodata.
    ///
    /// # Panics
    /// When the cell lies outside the grid.
    #[must_use]
    pub fn value(&self, row: usize, col: usize) -> Option<f64> {
        let value = self.values[row * self.cols + col];
        (!value.is_nan()).then_some(value)
    }

    /// Area of one cell of each row, km2: spherical (R = [`EARTH_RADIUS_KM`]) for degrees, width
    /// times height for projections that keep areas.
    ///
    /// # Errors
    /// [`GeoError::Unsupported`] for other projections, where a plane cell is no true area.
    pub fn cell_areas_km2(&self) -> Result<Vec<f64>, GeoError> {
        match &self.frame {
            Frame::Geographic { .. } => Ok((0..self.rows)
                .map(|row| {
                    let north = self.north - self.cell_height * row as f64;
                    let south = north - self.cell_height;
                    EARTH_RADIUS_KM.powi(2)
                        * self.cell_width.to_radians()
                        * (north.to_radians().sin() - south.to_radians().sin())
                })
                .collect()),
            Frame::EqualArea { .. } => {
                Ok(vec![self.cell_width * self.cell_height / 1e6; self.rows])
            }
            Frame::Projected { name } => Err(GeoError::Unsupported {
                file: "raster".to_owned(),
                message: format!("the projection \"{name}\" does not keep areas"),
            }),
        }
    }

    /// Centre of a cell in units of the frame, as (north, east): (latitude, longitude) for degrees.
    #[must_use]
    pub fn centre(&self, row: usize, col: usize) -> (f64, f64) {
        (
            self.north - (row as f64 + 0.5) * self.cell_height,
            self.west + (col as f64 + 0.5) * self.cell_width,
        )
    }

    /// Whether two rasters have the same shape, origin and cells (within a thousandth of a cell).
    #[must_use]
    pub fn same_grid(&self, other: &Self) -> bool {
        let near = |a: f64, b: f64, cell: f64| (a - b).abs() <= cell * 1e-3;
        self.rows == other.rows
            && self.cols == other.cols
            && near(self.west, other.west, self.cell_width)
            && near(self.north, other.north, self.cell_height)
            && near(
                self.cell_width * self.cols as f64,
                other.cell_width * other.cols as f64,
                self.cell_width,
            )
            && near(
                self.cell_height * self.rows as f64,
                other.cell_height * other.rows as f64,
                self.cell_height,
            )
    }
}

fn unreadable(file: &str, error: &dyn std::fmt::Display) -> GeoError {
    GeoError::Unreadable {
        file: file.to_owned(),
        message: error.to_string(),
    }
}

fn unsupported(file: &str, message: impl Into<String>) -> GeoError {
    GeoError::Unsupported {
        file: file.to_owned(),
        message: message.into(),
    }
}

fn one_band<R: Read + Seek>(decoder: &mut Decoder<R>, file: &str) -> Result<(), GeoError> {
    let bands: Option<u16> = decoder
        .find_tag_unsigned(Tag::SamplesPerPixel)
        .map_err(|e| unreadable(file, &e))?;
    match bands.unwrap_or(1) {
        1 => Ok(()),
        n => Err(unsupported(file, format!("{n} bands, 1 is needed"))),
    }
}

/// Nodata of GDAL's tag; `nan` and a missing tag add nothing to the NaN that is always nodata.
fn nodata<R: Read + Seek>(decoder: &mut Decoder<R>, file: &str) -> Result<Option<f64>, GeoError> {
    let Some(tag) = decoder
        .find_tag(Tag::GdalNodata)
        .map_err(|e| unreadable(file, &e))?
    else {
        return Ok(None);
    };
    let text = tag.into_string().map_err(|e| unreadable(file, &e))?;
    let text = text.trim_end_matches('\0').trim();
    text.parse()
        .map(Some)
        .map_err(|_| unreadable(file, &format!("nodata \"{text}\" is no number")))
}

/// The image as f64, nodata as NaN. Nodata is compared in the band's own precision.
fn values(image: DecodingResult, nodata: Option<f64>) -> Vec<f64> {
    let clean = |v: f64| if Some(v) == nodata { f64::NAN } else { v };
    match image {
        DecodingResult::U8(v) => v.into_iter().map(|x| clean(f64::from(x))).collect(),
        DecodingResult::U16(v) => v.into_iter().map(|x| clean(f64::from(x))).collect(),
        DecodingResult::U32(v) => v.into_iter().map(|x| clean(f64::from(x))).collect(),
        DecodingResult::U64(v) => v.into_iter().map(|x| clean(x as f64)).collect(),
        DecodingResult::I8(v) => v.into_iter().map(|x| clean(f64::from(x))).collect(),
        DecodingResult::I16(v) => v.into_iter().map(|x| clean(f64::from(x))).collect(),
        DecodingResult::I32(v) => v.into_iter().map(|x| clean(f64::from(x))).collect(),
        DecodingResult::I64(v) => v.into_iter().map(|x| clean(x as f64)).collect(),
        DecodingResult::F16(v) => v
            .into_iter()
            .map(|x| clean(f64::from(x.to_f32())))
            .collect(),
        DecodingResult::F32(v) => {
            let narrow = nodata.map(|n| n as f32);
            v.into_iter()
                .map(|x| {
                    if Some(x) == narrow {
                        f64::NAN
                    } else {
                        f64::from(x)
                    }
                })
                .collect()
        }
        DecodingResult::F64(v) => v.into_iter().map(clean).collect(),
    }
}

struct Georeference {
    west: f64,
    north: f64,
    width: f64,
    height: f64,
    frame: Frame,
}

/// The affine transform: scale and tie point, or the 4 x 4 matrix of tag 34264.
fn georeference<R: Read + Seek>(
    decoder: &mut Decoder<R>,
    file: &str,
) -> Result<Georeference, GeoError> {
    let mut doubles = |tag: Tag| -> Result<Option<Vec<f64>>, GeoError> {
        decoder
            .find_tag(tag)
            .and_then(|v| v.map(tiff::decoder::ifd::Value::into_f64_vec).transpose())
            .map_err(|e| unreadable(file, &e))
    };
    let scale = doubles(Tag::ModelPixelScaleTag)?;
    let tie = doubles(Tag::ModelTiepointTag)?;
    let matrix = doubles(Tag::ModelTransformationTag)?;
    let (mut west, mut north, width, height) = match (scale, tie, matrix) {
        (Some(s), Some(t), _) if s.len() >= 2 && t.len() >= 6 => {
            (t[3] - t[0] * s[0], t[4] + t[1] * s[1], s[0], s[1])
        }
        (_, _, Some(m)) if m.len() == 16 => {
            if m[1] != 0.0 || m[4] != 0.0 {
                return Err(unsupported(file, "the grid is rotated; north up is needed"));
            }
            (m[3], m[7], m[0], -m[5])
        }
        _ => {
            return Err(unsupported(
                file,
                "no georeference (tags 33550 and 33922, or 34264)",
            ));
        }
    };
    let usable = |x: f64| x.is_finite() && x > 0.0;
    if !(usable(width) && usable(height) && west.is_finite() && north.is_finite()) {
        return Err(unsupported(
            file,
            "the cell size must be positive, north up",
        ));
    }
    let keys = GeoKeys::read(decoder, file)?;
    if keys.short(1025) == Some(2) {
        // The tie point is the centre of a cell ("pixel is point").
        west -= width / 2.0;
        north += height / 2.0;
    }
    let frame = keys.frame(file)?;
    let beyond = 1e-6 * height;
    if matches!(frame, Frame::Geographic { .. }) && (north > 90.0 + beyond || north < -90.0) {
        return Err(unsupported(
            file,
            format!("the northern edge {north} is no latitude"),
        ));
    }
    Ok(Georeference {
        west,
        north,
        width,
        height,
        frame,
    })
}

/// The key directory (tag 34735): rows of id, location, count, value.
struct GeoKeys {
    rows: Vec<[u16; 4]>,
    ascii: String,
}

impl GeoKeys {
    fn read<R: Read + Seek>(decoder: &mut Decoder<R>, file: &str) -> Result<Self, GeoError> {
        let directory: Vec<u16> = decoder
            .find_tag_unsigned_vec(Tag::GeoKeyDirectoryTag)
            .map_err(|e| unreadable(file, &e))?
            .ok_or_else(|| unsupported(file, "no GeoKeys (tag 34735)"))?;
        let ascii = decoder
            .find_tag(Tag::GeoAsciiParamsTag)
            .and_then(|v| v.map(tiff::decoder::ifd::Value::into_string).transpose())
            .map_err(|e| unreadable(file, &e))?
            .unwrap_or_default();
        let rows = directory
            .get(4..)
            .unwrap_or_default()
            .chunks_exact(4)
            .map(|c| [c[0], c[1], c[2], c[3]])
            .collect();
        Ok(Self { rows, ascii })
    }

    fn short(&self, id: u16) -> Option<u16> {
        self.rows
            .iter()
            .find(|r| r[0] == id && r[1] == 0)
            .map(|r| r[3])
    }

    /// Text of a key that points into the ASCII parameters.
    fn text(&self, id: u16) -> Option<&str> {
        let [_, _, count, offset] = self.rows.iter().find(|r| r[0] == id && r[1] == 34737)?;
        let (from, to) = (
            usize::from(*offset),
            usize::from(*offset) + usize::from(*count),
        );
        self.ascii.get(from..to.min(self.ascii.len()))
    }

    fn frame(&self, file: &str) -> Result<Frame, GeoError> {
        match self.short(1024) {
            Some(2) => Ok(Frame::Geographic {
                epsg: self.short(2048).filter(|&code| code != 32767),
            }),
            Some(1 | 32767) => {
                let epsg = self.short(3072).filter(|&code| code != 32767);
                let text = self.text(1026).or(self.text(3073)).unwrap_or("");
                let name = text.split('|').next().unwrap_or("").to_owned();
                let known = [3035, 6933, 8857, 54009, 5070, 6350];
                let words = [
                    "mollweide",
                    "equal_area",
                    "equal area",
                    "equal_earth",
                    "laea",
                ];
                let lower = text.to_lowercase();
                // 3075 is the projection method: 10 = Lambert azimuthal equal area, 11 = Albers.
                let keeps = words.iter().any(|w| lower.contains(w))
                    || epsg.is_some_and(|code| known.contains(&code))
                    || matches!(self.short(3075), Some(10 | 11));
                let name = match epsg {
                    Some(code) if name.is_empty() => format!("EPSG:{code}"),
                    _ => name,
                };
                Ok(if keeps {
                    Frame::EqualArea { name }
                } else {
                    Frame::Projected { name }
                })
            }
            other => Err(unsupported(
                file,
                format!(
                    "model type {other:?} (key 1024) is neither projected (1) nor geographic (2)"
                ),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use conurb_base::Coded;
    use tiff::encoder::{TiffEncoder, colortype};

    use super::*;

    /// Keys of a synthetic file.
    struct Tags {
        scale: Option<[f64; 3]>,
        tie: [f64; 6],
        matrix: Option<[f64; 16]>,
        keys: Vec<u16>,
        ascii: Option<&'static str>,
        nodata: Option<&'static str>,
    }

    impl Default for Tags {
        fn default() -> Self {
            Self {
                scale: Some([0.5, 0.25, 0.0]),
                tie: [0.0, 0.0, 0.0, 10.0, 60.0, 0.0],
                matrix: None,
                keys: vec![1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326],
                ascii: None,
                nodata: Some("-9"),
            }
        }
    }

    /// A file of 3 columns and 2 rows.
    fn file<C: colortype::ColorType>(values: &[C::Inner], tags: &Tags) -> Vec<u8>
    where
        [C::Inner]: tiff::encoder::TiffValue,
    {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        let mut image = encoder.new_image::<C>(3, 2).unwrap();
        let directory = image.encoder();
        if let Some(scale) = tags.scale {
            directory
                .write_tag(Tag::ModelPixelScaleTag, &scale[..])
                .unwrap();
            directory
                .write_tag(Tag::ModelTiepointTag, &tags.tie[..])
                .unwrap();
        }
        if let Some(matrix) = tags.matrix {
            directory
                .write_tag(Tag::ModelTransformationTag, &matrix[..])
                .unwrap();
        }
        if !tags.keys.is_empty() {
            directory
                .write_tag(Tag::GeoKeyDirectoryTag, &tags.keys[..])
                .unwrap();
        }
        if let Some(text) = tags.ascii {
            directory.write_tag(Tag::GeoAsciiParamsTag, text).unwrap();
        }
        if let Some(text) = tags.nodata {
            directory.write_tag(Tag::GdalNodata, text).unwrap();
        }
        image.write_data(values).unwrap();
        bytes.into_inner()
    }

    fn gray(tags: &Tags) -> Vec<u8> {
        file::<colortype::Gray32Float>(&[1.0, 2.0, -9.0, 4.0, f32::NAN, 6.0], tags)
    }

    #[test]
    fn degrees_with_nodata_and_spherical_areas() {
        let raster = Raster::decode(&gray(&Tags::default()), "a.tif").unwrap();
        assert_eq!((raster.rows, raster.cols), (2, 3));
        assert_eq!(raster.frame, Frame::Geographic { epsg: Some(4326) });
        assert_eq!(
            (raster.value(0, 1), raster.value(0, 2), raster.value(1, 1)),
            (Some(2.0), None, None)
        );
        assert_eq!(raster.centre(1, 0), (59.625, 10.25));
        let areas = raster.cell_areas_km2().unwrap();
        // Rows from 60.00 to 59.75 and 59.50 degrees north; together a band of the sphere.
        let band = EARTH_RADIUS_KM.powi(2)
            * 0.5_f64.to_radians()
            * (60_f64.to_radians().sin() - 59.5_f64.to_radians().sin());
        assert!((areas.iter().sum::<f64>() / band - 1.0).abs() < 1e-12);
        assert!(areas[0] < areas[1]);
        assert!(raster.same_grid(&raster));
    }

    #[test]
    fn matrix_pixel_is_point_and_projections() {
        let mut matrix = [0.0; 16];
        (matrix[0], matrix[3], matrix[5], matrix[7]) = (1000.0, 5e5, -1000.0, 6e6);
        let mut tags = Tags {
            scale: None,
            matrix: Some(matrix),
            keys: vec![1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 2, 1026, 34737, 16, 0],
            ascii: Some("World_Mollweide|"),
            ..Tags::default()
        };
        let raster = Raster::decode(&gray(&tags), "m.tif").unwrap();
        assert_eq!((raster.west, raster.north), (499_500.0, 6_000_500.0));
        let name = "World_Mollweide".to_owned();
        assert_eq!(raster.frame, Frame::EqualArea { name });
        assert_eq!(raster.cell_areas_km2().unwrap(), [1.0, 1.0]);

        tags.keys = vec![1, 1, 0, 2, 1024, 0, 1, 1, 3072, 0, 1, 3857];
        let mercator = Raster::decode(&gray(&tags), "m.tif").unwrap();
        let error = mercator.cell_areas_km2().unwrap_err();
        assert_eq!(error.code(), "CNB-GEO-0002");
        assert!(error.to_string().contains("EPSG:3857"), "{error}");

        matrix[1] = 1.0;
        tags.matrix = Some(matrix);
        let error = Raster::decode(&gray(&tags), "m.tif").unwrap_err();
        assert!(error.to_string().contains("rotated"), "{error}");
    }

    #[test]
    fn bands_places_and_limits_are_refused() {
        let code = |bytes: &[u8]| Raster::decode(bytes, "x.tif").unwrap_err().code();
        let rgb = file::<colortype::RGB8>(&[0; 18], &Tags::default());
        let error = Raster::decode(&rgb, "x.tif").unwrap_err();
        assert!(
            error.to_string().contains("3 bands, 1 is needed"),
            "{error}"
        );
        let bare = Tags {
            scale: None,
            ..Tags::default()
        };
        assert_eq!(code(&gray(&bare)), "CNB-GEO-0002");
        let unknown = Tags {
            keys: Vec::new(),
            ..Tags::default()
        };
        assert_eq!(code(&gray(&unknown)), "CNB-GEO-0002");
        let flat = Tags {
            scale: Some([0.5, 0.0, 0.0]),
            ..Tags::default()
        };
        assert_eq!(code(&gray(&flat)), "CNB-GEO-0002");
        let odd = Tags {
            nodata: Some("none"),
            ..Tags::default()
        };
        assert_eq!(code(&gray(&odd)), "CNB-GEO-0001");
        assert_eq!(code(b"no raster"), "CNB-GEO-0001");
        assert_eq!(
            Raster::read(Path::new("missing.tif")).unwrap_err().code(),
            "CNB-GEO-0001"
        );
    }

    #[test]
    fn a_truncated_file_is_an_error_wherever_it_ends() {
        let whole = gray(&Tags::default());
        for cut in 0..whole.len() {
            // The tail may be padding; everything else must be missed.
            if let Ok(raster) = Raster::decode(&whole[..cut], "cut.tif") {
                assert_eq!(raster, Raster::decode(&whole, "cut.tif").unwrap());
            }
        }
        assert!(Raster::decode(&whole[..whole.len() / 2], "cut.tif").is_err());
    }

    #[test]
    fn a_header_that_claims_too_many_cells_is_refused_before_reading() {
        let mut bytes = gray(&Tags::default());
        // Width, height and rows of a strip: tags 256, 257 and 278 of the directory, type 4 (u32).
        let at = u32::from_le_bytes(bytes[4..8].try_into().unwrap()) as usize;
        let entries = usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
        for entry in bytes[at + 2..].chunks_exact_mut(12).take(entries) {
            if matches!(u16::from_le_bytes([entry[0], entry[1]]), 256 | 257 | 278) {
                entry[2] = 4;
                entry[8..].copy_from_slice(&1_000_000_u32.to_le_bytes());
            }
        }
        assert_eq!(
            Raster::decode(&bytes, "big.tif").unwrap_err().code(),
            "CNB-GEO-0003"
        );
    }
}
