// Runs networks in the OpenCV of another version, built for WebAssembly: newer.cjs OPENCV.JS TASKS.JSON RESULTS.JSON
'use strict';
const fs = require('fs');
const [, , library, tasks, results] = process.argv;

const floats = (text) => {
  const bytes = Buffer.from(text, 'base64');
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};

// blob is what the shim makes of a picture: (value - mean) * scale, the channels reversed if rgb.
function blob(cv, task) {
  const c = task.Channels;
  const pixels = Buffer.from(task.Pixels, 'base64');
  const picture = new cv.Mat(task.Height, task.Width, c === 3 ? cv.CV_32FC3 : cv.CV_32FC1);
  for (let i = 0; i < pixels.length; i++) {
    const to = task.RGB ? c - 1 - (i % c) : i % c;
    picture.data32F[i - (i % c) + to] = Math.fround(pixels[i] * task.Scale[to] - task.Mean[to] * task.Scale[to]);
  }
  const made = cv.blobFromImage(picture);
  picture.delete();
  return made;
}

// forward returns the named outputs, or the only one. Each takes a pass: the binding cannot hand over several.
function forward(net, names) {
  const all = names && names.length ? names : [net.getUnconnectedOutLayersNames().get(0)];
  return all.map((name) => {
    const output = net.forward(name);
    const values = Buffer.from(Float32Array.from(output.data32F).buffer).toString('base64');
    output.delete();
    return values;
  });
}

async function main() {
  let cv = require(library);
  if (cv instanceof Promise) cv = await cv;
  else if (!cv.Mat) await new Promise((done) => (cv.onRuntimeInitialized = done));
  const version = cv.getBuildInformation().match(/OpenCV ([0-9.]+)/)[1];
  const nets = {};
  const values = JSON.parse(fs.readFileSync(tasks)).map((task) => {
    try {
      if (!nets[task.File]) {
        const name = `${Object.keys(nets).length}.onnx`;
        cv.FS_createDataFile('/', name, fs.readFileSync(task.File), true, false, false);
        nets[task.File] = cv.readNetFromONNX(name);
      }
      const input = blob(cv, task);
      nets[task.File].setInput(input, '');
      const out = forward(nets[task.File], task.Outputs);
      input.delete();
      return { values: out };
    } catch (e) {
      return { error: typeof e === 'number' ? cv.exceptionFromPtr(e).msg : String(e.stack) };
    }
  });
  fs.writeFileSync(results, JSON.stringify({ version, values }));
}

main().catch((e) => {
  console.error(e);
  process.exit(1);
});
