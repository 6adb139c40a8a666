"use strict";
// The clouds of the page to turn: one WebGL picture, which moves to the part that is looked at.
(() => {
  window.addEventListener("error", (event) => { document.body.dataset.error = event.message; });
  const data = JSON.parse(document.getElementById("data").textContent);
  const decode = (text, Kind) => {
    const bytes = Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));
    return new Kind(bytes.buffer);
  };
  const css = (rgb) => `rgb(${rgb.join(",")})`;
  const linear = (rgb) => new THREE.Vector3(...rgb.map((value) => value / 255));
  let renderer;
  try {
    renderer = new THREE.WebGLRenderer({ antialias: true, preserveDrawingBuffer: true });
  } catch { // the pictures remain
    document.body.dataset.webgl = "none";
    return;
  }
  renderer.setClearColor(0xffffff);
  renderer.setPixelRatio(Math.min(window.devicePixelRatio || 1, 2));
  renderer.outputColorSpace = "srgb-linear"; // colors are those of the pictures
  const scene = new THREE.Scene();
  const camera = new THREE.OrthographicCamera(-1, 1, 1, -1, -10, 10);
  const controls = new THREE.TrackballControls(camera, renderer.domElement);
  controls.rotateSpeed = 3;
  controls.staticMoving = true;
  const material = new THREE.ShaderMaterial({
    uniforms: {
      size: { value: 1 }, map: { value: 0 }, gray: { value: linear(data.colors.surface) },
      first: { value: linear(data.colors.first) }, last: { value: linear(data.colors.last) },
      deep: { value: linear(data.colors.deep) },
    },
    vertexShader: `
      attribute vec3 facing; attribute float score; attribute float deviation;
      uniform float size; uniform int map; uniform vec3 gray, first, last, deep;
      varying vec3 color;
      void main() {
        vec3 base = gray;
        if (map == 1 && score > 127.5) base = mix(first, last, (score - 128.0) / 127.0);
        if (map == 2) base = mix(gray, deviation < 0.0 ? deep : last, min(abs(deviation) / 127.0, 1.0));
        float light = abs(normalize(normalMatrix * facing).z);
        color = base * (0.45 + 0.6 * light);
        gl_Position = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
        gl_PointSize = size;
      }`,
    fragmentShader: `
      varying vec3 color;
      void main() {
        if (length(gl_PointCoord - 0.5) > 0.5) discard;
        gl_FragColor = vec4(color, 1.0);
      }`,
  });
  let active = -1, points = null, wanted = true;

  function cloud(part) {
    const made = new THREE.BufferGeometry();
    const set = (name, array, size) =>
      made.setAttribute(name, new THREE.BufferAttribute(Float32Array.from(array), size));
    set("position", Float32Array.from(decode(part.pos, Int16Array), (value) => (value / 32767) * part.radius), 3);
    set("facing", decode(part.normal, Int8Array), 3);
    set("score", decode(part.score, Uint8Array), 1);
    set("deviation", part.deviation ? decode(part.deviation, Int8Array) : new Int8Array(part.count), 1);
    return new THREE.Points(made, material);
  }

  function legend(box, map) {
    const part = data.parts[active], { first, last, deep, surface } = data.colors;
    const bar = (...colors) => `<i style="background:linear-gradient(90deg,${colors.map(css).join(",")})"></i>`;
    box.innerHTML = { none: "", score: `gray to ${part.limit}${bar(first, last)}${part.most}`,
      deviation: `−${part.largest}${bar(deep, surface, last)}+${part.largest}` }[map];
  }

  function show(map) {
    const view = renderer.domElement.parentElement;
    material.uniforms.map.value = { none: 0, score: 1, deviation: 2 }[map];
    view.querySelectorAll("button").forEach((one) => one.classList.toggle("on", one.dataset.map === map));
    legend(view.querySelector(".legend"), map);
    wanted = true;
  }

  function activate(number) {
    if (number === active) return;
    const view = document.querySelector(`.view[data-part="${number}"]`);
    if (!view) return;
    document.querySelectorAll(".view.active").forEach((one) => one.classList.remove("active"));
    if (points) { scene.remove(points); points.geometry.dispose(); }
    active = number;
    points = cloud(data.parts[number]);
    scene.add(points);
    view.classList.add("active");
    view.prepend(renderer.domElement);
    renderer.setSize(view.clientWidth, view.clientHeight);
    const part = data.parts[number], half = part.radius * 1.05;
    Object.assign(camera, { left: -half, right: half, top: half, bottom: -half, near: -4 * half, far: 4 * half, zoom: 1 });
    controls.handleResize();
    turn(part.view.facing, part.view.up, [0, 0, 0], 1);
    show("score");
    document.body.dataset.active = number;
  }

  function turn(facing, up, target, zoom) {
    const distance = data.parts[active].radius * 2;
    controls.target.set(...target);
    camera.position.set(...target).addScaledVector(new THREE.Vector3(...facing), distance);
    camera.up.set(...up);
    camera.zoom = zoom;
    camera.lookAt(controls.target);
    camera.updateProjectionMatrix();
    controls.update();
    document.body.dataset.facing = facing.map((value) => value.toFixed(3)).join(" ");
    wanted = true;
  }

  function rule() {
    const box = renderer.domElement.parentElement, scale = (box.clientWidth * camera.zoom) / (camera.right - camera.left);
    const most = (0.25 * box.clientWidth) / scale, power = 10 ** Math.floor(Math.log10(most));
    const length = Math.max(...[0.5, 1, 2, 5].filter((step) => step * power <= most)) * power;
    const bar = box.querySelector(".rule");
    bar.firstElementChild.style.width = `${length * scale}px`;
    bar.lastChild.textContent = `${+length.toPrecision(3)} ${data.unit}`;
  }

  function frame() {
    requestAnimationFrame(frame);
    if (!points) return;
    controls.update();
    if (!wanted) return;
    wanted = false;
    camera.updateProjectionMatrix();
    const width = renderer.domElement.width, scale = (width * camera.zoom) / (camera.right - camera.left);
    material.uniforms.size.value = Math.max(1.5, data.parts[active].spacing * scale * 1.9);
    renderer.render(scene, camera);
    rule();
    document.body.dataset.drawn = renderer.info.render.points;
  }

  function follow() {
    const found = /^#p(\d+)(?:d(\d+))?$/.exec(location.hash);
    if (!found) return;
    activate(Number(found[1]));
    document.querySelectorAll("tr.chosen").forEach((row) => row.classList.remove("chosen"));
    if (!found[2] || active !== Number(found[1])) return;
    const defect = data.parts[active].defects[found[2] - 1];
    turn(defect.facing, defect.up, defect.at, 2.5);
    document.body.dataset.defect = found[2];
    document.querySelector(`a[href="${location.hash}"]`).closest("tr").classList.add("chosen");
    document.getElementById(`p${active}`).scrollIntoView();
  }

  controls.addEventListener("change", () => { wanted = true; });
  window.addEventListener("hashchange", follow);
  document.querySelectorAll(".view").forEach((view) => {
    view.addEventListener("pointerdown", () => activate(Number(view.dataset.part)));
    view.querySelectorAll("button").forEach((button) => button.addEventListener("click", () => {
      activate(Number(view.dataset.part));
      show(button.dataset.map);
    }));
  });
  document.querySelectorAll(".rule").forEach((box) => box.append(document.createTextNode("")));
  activate(data.first);
  follow();
  frame();
})();
