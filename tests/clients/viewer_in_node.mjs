// Runs the modules of examples/viewer without a browser: JSON in, JSON out.

import openjph from "@cornerstonejs/codec-openjph";
import { text } from "node:stream/consumers";

import { HealthImaging, signed } from "../../examples/viewer/healthimaging.mjs";
import { decode, framesOf } from "../../examples/viewer/pixels.mjs";

const { endpoint, region, credentials, datastore, imageSets, toSign } = JSON.parse(await text(process.stdin));
const imaging = new HealthImaging(endpoint, region, credentials);
const decoder = await openjph();

async function frames(imageSet) {
  const found = framesOf(await imaging.imageSetMetadata(datastore, imageSet));
  return Promise.all(found.map((each) => pixels(imageSet, each)));
}

async function pixels(imageSet, each) {
  const encoded = await imaging.imageFrame(datastore, imageSet, each.frame.ID);
  try {
    const { width, height, samples, values } = decode(decoder, each, encoded);
    return { width, height, samples, values: Array.from(values) };
  } catch (error) {
    return { error: error.message };
  }
}

console.log(
  JSON.stringify({
    signed: await signed(new URL(toSign.url), toSign.body, region, credentials),
    found: (await imaging.searchImageSets(datastore)).map((each) => each.imageSetId),
    frames: Object.fromEntries(await Promise.all(imageSets.map(async (each) => [each, await frames(each)]))),
  }),
);
