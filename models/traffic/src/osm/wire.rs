//! The wire format of protocol buffers, as much of it as `.osm.pbf` uses.

/// What is wrong with the bytes.
pub(super) type Fault = &'static str;

const CUT: Fault = "a field ends before its content";
const LONG: Fault = "a number is longer than 64 bits";

/// The value of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Field<'a> {
    /// A number (wire type 0).
    Number(u64),
    /// Text, a message or packed numbers (wire type 2).
    Bytes(&'a [u8]),
    /// A fixed number, which no field read here is.
    Other,
}

/// The fields of a message one after the other.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    fn field(&mut self) -> Result<(u64, Field<'a>), Fault> {
        let key = varint(&mut self.rest)?;
        let value = match key & 7 {
            0 => Field::Number(varint(&mut self.rest)?),
            1 => self.skip(8)?,
            2 => {
                let length = varint(&mut self.rest)?;
                let length = usize::try_from(length).map_err(|_| CUT)?;
                let (bytes, rest) = self.rest.split_at_checked(length).ok_or(CUT)?;
                self.rest = rest;
                Field::Bytes(bytes)
            }
            5 => self.skip(4)?,
            _ => return Err("a field is of an unknown type"),
        };
        Ok((key >> 3, value))
    }

    fn skip(&mut self, length: usize) -> Result<Field<'a>, Fault> {
        self.rest = self.rest.get(length..).ok_or(CUT)?;
        Ok(Field::Other)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Field<'a>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

fn varint(bytes: &mut &[u8]) -> Result<u64, Fault> {
    let mut value = 0_u64;
    for (k, byte) in bytes.iter().enumerate() {
        if k == 10 {
            return Err(LONG);
        }
        value |= u64::from(byte & 0x7f).wrapping_shl(7 * u32::try_from(k).map_err(|_| LONG)?);
        if byte & 0x80 == 0 {
            *bytes = &bytes[k + 1..];
            return Ok(value);
        }
    }
    Err(CUT)
}

/// A signed number from its zigzag form.
pub(super) const fn zigzag(n: u64) -> i64 {
    (n >> 1).cast_signed() ^ -((n & 1).cast_signed())
}

/// Numbers packed into one field.
pub(super) fn packed_unsigned(mut bytes: &[u8]) -> Result<Vec<u64>, Fault> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        all.push(varint(&mut bytes)?);
    }
    Ok(all)
}

/// Signed numbers packed into one field.
pub(super) fn packed_signed(bytes: &[u8]) -> Result<Vec<i64>, Fault> {
    Ok(packed_unsigned(bytes)?.into_iter().map(zigzag).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_encoding_guide() {
        // https://protobuf.dev/programming-guides/encoding: 150, and 0, -1, 1, -2 as zigzag.
        let fields: Vec<_> = Fields::of(&[0x08, 0x96, 0x01]).collect();
        assert_eq!(fields, [Ok((1, Field::Number(150)))]);
        assert_eq!([0, 1, 2, 3].map(zigzag), [0, -1, 1, -2]);
        assert_eq!(
            packed_unsigned(&[0x03, 0x8e, 0x02, 0x9e, 0xa7, 0x05]),
            Ok(vec![3, 270, 86_942])
        );
        assert_eq!(packed_unsigned(&[0xff; 11]), Err(LONG));
        assert_eq!(Fields::of(&[0x0a, 0x05, 0x01]).next(), Some(Err(CUT)));
    }
}
