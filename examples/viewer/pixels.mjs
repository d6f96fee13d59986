// Image frames: which there are, their pixels, and what a screen shows of them.

const HTJ2K = new Set(["1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"]);

// The frames of an image set, each with what its metadata says of it, in the order of instances.
export function framesOf(metadata) {
  const instances = Object.values(metadata.Study.Series).flatMap((series) => Object.values(series.Instances));
  instances.sort((one, other) => number(one, "InstanceNumber", 0) - number(other, "InstanceNumber", 0));
  return instances.flatMap((instance) => (instance.ImageFrames ?? []).map((frame) => ({ instance, frame })));
}

// The pixels of an HTJ2K frame, samples side by side. `openjph` is what codec-openjph loads.
export function decode(openjph, { instance, frame }, encoded) {
  if (!HTJ2K.has(instance.StoredTransferSyntaxUID))
    throw new Error(`the frame is stored as ${instance.StoredTransferSyntaxUID}, and only HTJ2K is decoded here`);
  const decoder = new openjph.HTJ2KDecoder();
  try {
    decoder.getEncodedBuffer(encoded.length).set(encoded);
    decoder.decode();
    const { width, height, componentCount, bitsPerSample, isSigned } = decoder.getFrameInfo();
    if (bitsPerSample > 16)
      throw new Error(`the samples have ${bitsPerSample} bits, and only up to 16 are decoded here`);
    // The decoder's memory is its own.
    const bytes = decoder.getDecodedBuffer().slice();
    const kinds = bitsPerSample > 8 ? [Uint16Array, Int16Array] : [Uint8Array, Int8Array];
    const values = new kinds[Number(isSigned)](bytes.buffer);
    const resolutions = frame.PixelDataChecksumFromBaseToFullResolution;
    if (crc32(bytes) !== resolutions.at(-1).Checksum)
      throw new Error("the decoded pixels have another checksum than was stored");
    return { width, height, samples: componentCount, values };
  } finally {
    decoder.delete();
  }
}

// The RGBA bytes that show those pixels. Grey ones go through their window (PS3.3 C.11.2.1.2), or from least to most.
export function shown({ instance, frame }, { samples, values }) {
  const kind = instance.DICOM.PhotometricInterpretation;
  const shades = {
    MONOCHROME1: () => turned(windowed(instance, frame)),
    MONOCHROME2: () => windowed(instance, frame),
    RGB: () => (value) => (value * 255) / (2 ** instance.DICOM.BitsStored - 1),
  };
  if (!shades[kind])
    throw new Error(`the photometric interpretation is ${kind}, and only ${Object.keys(shades).join(", ")} are shown`);
  const shade = shades[kind]();
  const rgba = new Uint8ClampedArray((values.length / samples) * 4).fill(255);
  for (let pixel = 0; pixel * samples < values.length; pixel++)
    for (let colour = 0; colour < 3; colour++)
      rgba[pixel * 4 + colour] = Math.round(shade(values[pixel * samples + (samples > 1 ? colour : 0)]));
  return rgba;
}

function turned(shade) {
  return (value) => 255 - Math.round(shade(value));
}

function windowed(instance, frame) {
  const slope = number(instance, "RescaleSlope", 1);
  const intercept = number(instance, "RescaleIntercept", 0);
  const ends = [frame.MinPixelValue, frame.MaxPixelValue].map((value) => value * slope + intercept);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const centre = number(instance, "WindowCenter", (least + most + 1) / 2) - 0.5;
  const width = number(instance, "WindowWidth", most - least + 1) - 1;
  return (stored) => {
    const value = stored * slope + intercept;
    if (value <= centre - width / 2) return 0;
    if (value > centre + width / 2) return 255;
    return ((value - centre) / width + 0.5) * 255;
  };
}

// The first value of an attribute, which metadata spells as a number, a padded string, or a list of either.
function number(instance, keyword, otherwise) {
  const text = String([instance.DICOM[keyword]].flat()[0] ?? "").trim();
  return text ? Number(text) : otherwise;
}

function crc32(bytes) {
  let crc = -1;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
