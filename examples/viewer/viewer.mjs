// The page: search a data store, choose an image set, move through its frames.

import { HealthImaging } from "./healthimaging.mjs";
import { decode, framesOf, shown } from "./pixels.mjs";

const [form, imageSet, slider, status, canvas] = ["search", "imageSet", "frame", "status", "canvas"].map((id) =>
  document.getElementById(id),
);
// The classic script before this one defines it.
const openjph = globalThis.Module();
let imaging, datastore, frames, next;
let busy = false;

async function search() {
  const { endpoint, region, datastore: id, ...credentials } = Object.fromEntries(new FormData(form));
  datastore = id;
  imaging = new HealthImaging(endpoint, region, credentials);
  const found = await imaging.searchImageSets(datastore);
  imageSet.replaceChildren(...found.map(({ imageSetId }) => new Option(imageSetId)));
  if (!found.length) return "the data store has no image sets";
  return open();
}

async function open() {
  frames = framesOf(await imaging.imageSetMetadata(datastore, imageSet.value));
  slider.max = Math.max(frames.length - 1, 0);
  slider.value = 0;
  if (!frames.length) return "the image set has no frames";
  return draw();
}

async function draw() {
  const at = slider.valueAsNumber;
  const [loaded, encoded] = await Promise.all([
    openjph,
    imaging.imageFrame(datastore, imageSet.value, frames[at].frame.ID),
  ]);
  const image = decode(loaded, frames[at], encoded);
  const { width, height } = Object.assign(canvas, { width: image.width, height: image.height });
  canvas.getContext("2d").putImageData(new ImageData(shown(frames[at], image), width, height), 0, 0);
  return `frame ${at + 1} of ${frames.length}, ${width} x ${height}, its pixels as they were stored`;
}

// One thing at a time, and of what was asked meanwhile only the last.
async function tell(action) {
  next = action;
  if (busy) return;
  busy = true;
  while (next) {
    const now = next;
    next = undefined;
    try {
      status.value = await now();
    } catch (error) {
      canvas.width = canvas.height = 0;
      status.value = error.message;
    }
  }
  busy = false;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  tell(search);
});
imageSet.addEventListener("change", () => tell(open));
slider.addEventListener("input", () => tell(draw));
