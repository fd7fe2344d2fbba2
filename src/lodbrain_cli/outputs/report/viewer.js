// The interactive viewer of a report: a stand-in for the model that NiiVue's module expects
// of Jupyter, and the controls beside it. Everything is in the page; nothing is fetched.
"use strict";

const facts = JSON.parse(document.getElementById("viewer-facts").textContent);
const stage = document.getElementById("viewer-stage");
const state = document.getElementById("viewer-state");
const byId = (id) => document.getElementById(id);

async function unpacked(id) {
  const binary = atob(byId(id).textContent.trim());
  const packed = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) packed[i] = binary.charCodeAt(i);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Response(stream).arrayBuffer();
}

// Labels of which only the voxels are left that have a neighbour of another label.
function outlined(nifti, overlay) {
  const view = new DataView(nifti);
  const [nx, ny, nz] = [42, 44, 46].map((at) => view.getInt16(at, true));
  const copy = nifti.slice(0);
  const labels = new Uint8Array(nifti, 352);
  const kept = new Uint8Array(copy, 352);
  const plane = nx * ny;
  const last = labels.length - 1;
  for (let i = 0; i <= last; i += 1) {
    const label = labels[i];
    if (label === 0) continue;
    const inside = labels[Math.max(i - 1, 0)] === label && labels[Math.min(i + 1, last)] === label
      && labels[Math.max(i - nx, 0)] === label && labels[Math.min(i + nx, last)] === label
      && labels[Math.max(i - plane, 0)] === label && labels[Math.min(i + plane, last)] === label;
    if (inside) kept[i] = 0;
  }
  return copy;
}

// What anywidget gives a widget: values by name, and events when one changes.
class Model {
  constructor(values, models = {}) {
    this.values = values;
    this.listeners = {};
    this.widget_manager = { get_model: async (id) => models[id] };
    this.received = () => {};
    this._comm_live = false; // nobody to send the voxels back to
  }
  send_sync_message() {}
  get(name) { return this.values[name]; }
  set(name, value) { this.values[name] = value; } // by NiiVue, which knows it already
  save_changes() {}
  send(message) { this.received(message); }
  on(event, call) { (this.listeners[event] ??= []).push(call); }
  off(event) { delete this.listeners[event]; }
  emit(event, ...details) { for (const call of this.listeners[event] ?? []) call(...details); }
  change(name, value) { // by us; each one draws everything anew, so none is idle
    if (this.values[name] === value) return;
    this.values[name] = value;
    this.emit(`change:${name}`);
  }
  tell(type, ...data) { this.emit("msg:custom", { type, data }, []); }
}

function volume(id, data, values) {
  return new Model({
    id, name: `${id}.nii`, path: {}, url: "", data: new Uint8Array(data),
    paired_img_path: {}, paired_img_url: "", paired_img_data: null,
    colormap: "gray", colormap_negative: "", colormap_label: null, colormap_type: 0,
    colormap_invert: false, colorbar_visible: false, opacity: 1, frame_4d: 0,
    cal_min: NaN, cal_max: NaN, cal_min_neg: NaN, cal_max_neg: NaN,
    modulation_image: null, modulate_alpha: 0, ...values,
  });
}

function rgb(color) {
  return [1, 3, 5].map((k) => Number.parseInt(color.slice(k, k + 2), 16));
}

// NiiVue's table of colours of one overlay, without the classes that are switched off.
function colours(overlay, hidden) {
  const last = Math.max(...overlay.structures.map((x) => x.index));
  const lut = new Uint8ClampedArray(4 * (last + 1));
  const labels = Array(last + 1).fill("");
  for (const x of overlay.structures) {
    lut.set([...rgb(x.color), hidden.has(x.name) ? 0 : 255], 4 * x.index);
    labels[x.index] = x.name;
  }
  return { lut: Array.from(lut), min: 0, max: last, labels };
}

const AXES = ["x", "y", "z"];
const VIEWS = { planes: 3, axial: 0, coronal: 1, sagittal: 2, solid: 4 };

class Viewer {
  constructor(model, models, scan, overlays) {
    Object.assign(this, { model, models, scan, overlays });
    this.outlines = [];
    this.outlining = false;
    this.coloured = new Map(overlays.map((each) => [each, "[]"]));
    this.hidden = new Set();
    this.chosen = 0;
    this.at = [0, 0, 0];
  }
  options(values) {
    this.model.change("opts", { ...this.model.get("opts"), ...values });
    this.model.tell("draw_scene");
  }
  opacity() {
    const share = Number(byId("viewer-opacity").value) / 100;
    for (const each of [...this.overlays, ...this.outlines]) {
      each.change("opacity", each === this.shown() ? share : 0);
    }
    this.classes();
  }
  shown() {
    return (this.outlining ? this.outlines : this.overlays)[this.chosen];
  }
  // NiiVue moves its crosshair by steps: where it is, it says itself.
  goTo(voxel) {
    this.model.tell("move_crosshair_in_vox", ...voxel.map((v, axis) => v - this.at[axis]));
  }
  arrived(data) {
    this.at = Array.from(data.vox ?? this.at).slice(0, 3).map(Math.round);
    AXES.forEach((name, axis) => { byId(`viewer-${name}`).value = this.at[axis]; });
    place(this, data);
  }
  // Outlines are volumes of their own, made when they are first asked for.
  outline(wanted) {
    this.outlining = wanted;
    if (wanted && this.outlines.length === 0) {
      this.outlines = this.overlays.map((each, k) =>
        volume(`outlines-${k}`, outlined(each.get("data").buffer), {
          opacity: 0, colormap_label: colours(facts.overlays[k], this.hidden),
        }));
      for (const each of this.outlines) this.models[each.get("id")] = each;
      const names = this.outlines.map((each) => `IPY_MODEL_${each.get("id")}`);
      this.model.change("volumes", [...this.model.get("volumes"), ...names]);
    }
    this.opacity();
  }
  window(changed) {
    const low = byId("viewer-low");
    const high = byId("viewer-high");
    const step = Number(low.step);
    if (Number(low.value) > Number(high.value) - step) {
      if (changed === low) low.value = Number(high.value) - step;
      else high.value = Number(low.value) + step;
    }
    this.scan.change("cal_min", Number(low.value));
    this.scan.change("cal_max", Number(high.value));
  }
  classes() {
    const shown = this.shown();
    const key = JSON.stringify([...this.hidden].sort());
    if (this.coloured.get(shown) === key) return; // those not shown wait until they are
    this.coloured.set(shown, key);
    shown.change("colormap_label", colours(facts.overlays[this.chosen], this.hidden));
  }
}

const number = (value) => (Math.abs(value) >= 100 ? value.toFixed(0) : value.toPrecision(3));

function show(id, text) { byId(id).textContent = text; }

// Slider moves come faster than a volume is drawn: the last one counts.
function listen(id, action) {
  let value = null;
  byId(id).addEventListener("input", (event) => {
    const waiting = value !== null;
    value = event.target.value; // now: until it is drawn another slider may set this one
    if (waiting) return;
    requestAnimationFrame(() => {
      const latest = value;
      value = null;
      action(event.target, Number(latest));
    });
  });
}

function connect(viewer) {
  listen("viewer-opacity", (slider) => { viewer.opacity(); show("viewer-opacity-value", `${slider.value} %`); });
  for (const id of ["viewer-low", "viewer-high"]) {
    listen(id, (slider) => {
      viewer.window(slider);
      for (const each of ["viewer-low", "viewer-high"]) show(`${each}-value`, number(Number(byId(each).value)));
    });
  }
  listen("viewer-gamma", (slider) => {
    viewer.model.tell("set_gamma", Number(slider.value) / 100);
    show("viewer-gamma-value", `${slider.value} %`);
  });
  byId("viewer-view").addEventListener("change", (event) =>
    viewer.options({ sliceType: VIEWS[event.target.value] }));
  byId("viewer-outlines").addEventListener("change", (event) =>
    viewer.outline(event.target.checked));
  byId("viewer-radiological").addEventListener("change", (event) => {
    viewer.options({ isRadiologicalConvention: event.target.checked });
    show("viewer-convention", event.target.checked ? facts.radiological : facts.neurological);
  });
  for (const radio of document.querySelectorAll("input[name=viewer-overlay]")) {
    radio.addEventListener("change", () => { viewer.chosen = Number(radio.value); viewer.opacity(); });
  }
  for (const box of document.querySelectorAll("input[name=viewer-class]")) {
    box.addEventListener("change", () => {
      if (box.checked) viewer.hidden.delete(box.value);
      else viewer.hidden.add(box.value);
      viewer.classes();
    });
  }
  AXES.forEach((name, axis) =>
    listen(`viewer-${name}`, (_, voxel) => viewer.goTo(viewer.at.map((v, k) => (k === axis ? voxel : v)))));
  viewer.model.received = (message) => {
    if (message.event === "location_change") viewer.arrived(message.data);
  };
  viewer.model.tell("move_crosshair_in_vox", 0, 0, 0);
  viewer.goTo(facts.middle);
}

function place(viewer, data) {
  const where = Array.from(data.mm ?? []).slice(0, 3).map((v) => v.toFixed(0)).join(", ");
  const values = (data.values ?? []).map((v) => v.value);
  const index = values[1 + viewer.chosen];
  const found = facts.overlays[viewer.chosen].structures.find((x) => x.index === index);
  const what = found ? found.name : "background";
  show("viewer-place", `${where} mm (right, anterior, superior): T1w ${number(values[0] ?? 0)}, ${what}`);
  for (const [axis, name] of AXES.entries()) show(`viewer-${name}-value`, `${(data.mm?.[axis] ?? 0).toFixed(0)} mm`);
}

function fail(reason) {
  state.textContent = `${facts.missing} (${reason})`;
  byId("viewer-controls").hidden = true;
  stage.hidden = true;
}

async function start() {
  if (!document.createElement("canvas").getContext("webgl2")) {
    fail("this browser offers no WebGL 2");
    return;
  }
  state.textContent = facts.loading;
  const script = await unpacked("niivue");
  const address = URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
  const { default: niivue } = await import(address);
  URL.revokeObjectURL(address);
  const scan = volume("scan", await unpacked("image-0"), {
    cal_min: facts.window[0], cal_max: facts.window[1],
  });
  const overlays = [];
  for (const [k, overlay] of facts.overlays.entries()) {
    overlays.push(volume(`labels-${k}`, await unpacked(`image-${k + 1}`), {
      opacity: k === 0 ? Number(byId("viewer-opacity").value) / 100 : 0,
      colormap_label: colours(overlay, new Set()),
    }));
  }
  const all = [scan, ...overlays];
  const models = Object.fromEntries(all.map((each) => [each.get("id"), each]));
  const model = new Model({
    height: stage.clientHeight,
    volumes: all.map((each) => `IPY_MODEL_${each.get("id")}`), meshes: [],
    opts: {
      backColor: [0, 0, 0, 1], sliceType: VIEWS.planes, multiplanarShowRender: 1,
      isRadiologicalConvention: false, dragAndDropEnabled: false, crosshairColor: [1, 1, 0, 1],
      isCornerOrientationText: true, show3Dcrosshair: true, loadingText: "", isNearestInterpolation: false,
      crosshairWidth: 1, fontColor: [1, 1, 1, 1], fontMinPx: 15,
    },
    background_masks_overlays: 0, draw_lut: null, draw_opacity: 0.8, draw_fill_overwrites: true,
    graph: null, scene: null, overlay_outline_width: 0, overlay_alpha_shader: 1,
  }, models);
  await niivue.initialize({ model });
  await niivue.render({ model, el: stage });
  const canvas = stage.querySelector("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", facts.canvas);
  const viewer = new Viewer(model, models, scan, overlays);
  connect(viewer);
  byId("viewer-controls").disabled = false;
  state.textContent = "";
  document.documentElement.dataset.viewer = "ready";
}

start().catch((error) => { fail(error.message); });
