//! Numbers as files have them: bytes, and text.

#[cfg(any(feature = "npy", feature = "onnx", feature = "safetensors"))]
use std::any::TypeId;

/// The shortest decimal number that is read back as the same one, with an exponent from 1e16 and below 1e-4.
pub(crate) fn shortest(value: f64) -> String {
    let text = format!("{value:?}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// A number type of files.
#[cfg(any(feature = "npy", feature = "onnx", feature = "safetensors"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    F32,
    F64,
}

#[cfg(any(feature = "npy", feature = "onnx", feature = "safetensors"))]
impl Number {
    /// None for numbers that are not stored.
    pub(crate) fn of<T: 'static>() -> Option<Self> {
        if TypeId::of::<T>() == TypeId::of::<f32>() {
            Some(Self::F32)
        } else if TypeId::of::<T>() == TypeId::of::<f64>() {
            Some(Self::F64)
        } else {
            None
        }
    }

    pub(crate) fn size(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    /// Appends a number, the lowest byte first.
    pub(crate) fn write(self, value: f64, bytes: &mut Vec<u8>) {
        match self {
            Self::F32 => bytes.extend((value as f32).to_le_bytes()),
            Self::F64 => bytes.extend(value.to_le_bytes()),
        }
    }

    /// Of as many bytes as the number has, the lowest first; NaN of any others.
    #[cfg(any(feature = "npy", feature = "safetensors"))]
    pub(crate) fn read(self, bytes: &[u8]) -> f64 {
        match self {
            Self::F32 => bytes.try_into().map_or(f64::NAN, |bytes| f64::from(f32::from_le_bytes(bytes))),
            Self::F64 => bytes.try_into().map_or(f64::NAN, f64::from_le_bytes),
        }
    }
}

/// The value of a number of half precision: a sign, 5 bits of an exponent, 10 of a fraction.
#[cfg(any(feature = "npy", feature = "safetensors"))]
pub(crate) fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (u64::from(bits >> 10 & 0x1F), u64::from(bits & 0x3FF));
    let magnitude = match exponent {
        0x1F if fraction == 0 => f64::INFINITY,
        0x1F => f64::NAN,
        // Multiples of 2⁻²⁴.
        0 => fraction as f64 / f64::from(1 << 24),
        // The exponent is that of f64 but for what is added to it, and the fraction begins as its fraction.
        _ => f64::from_bits(((exponent + 1023 - 15) << 52) | (fraction << 42)),
    };
    if bits >> 15 == 0 { magnitude } else { -magnitude }
}
