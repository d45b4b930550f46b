// The activations in WGSL: their names, and source of `fn activate(x: vec4<f32>) -> vec4<f32>` with
// what it calls.
//
// Written so that nothing overflows or cancels, whatever a driver makes of infinities: arguments of
// exp are clamped where the result has no digit left, and gelu takes a tail of the normal
// distribution away from relu, so that far out it is 0 or x.

// 1 / (1 + exp(-x)); below -87 the result is 1e-38 where it should be less.
const logistic = `
fn logistic(x: vec4<f32>) -> vec4<f32> {
  return 1.0 / (1.0 + exp(clamp(-x, vec4(-87.0), vec4(87.0))));
}`;

// An odd polynomial near zero, where 1 - 2 / (exp(2x) + 1) loses its digits; relative error 4e-8.
const hyperbolic = `
fn hyperbolic(x: vec4<f32>) -> vec4<f32> {
  let a = min(abs(x), vec4(15.0));
  let z = a * a;
  let near = a + a * z * (-0.33332959 + z * (0.13320942 + z * (-0.052684143 + z * 0.016458755)));
  let far = 1.0 - 2.0 / (exp(2.0 * a) + 1.0);
  let value = select(far, near, a < vec4(0.55));
  return select(value, -value, x < vec4(0.0));
}`;

// P(N > a) of the normal distribution for a >= 0: exp(-a²/2) times a polynomial in 1 / (1 + 0.3 a),
// fitted for the least relative error up to a = 13, which is 1.2e-7.
const normalTail = `
fn normal_tail(distance: vec4<f32>) -> vec4<f32> {
  let a = min(distance, vec4(13.0));
  let t = 1.0 / (1.0 + 0.3 * a);
  let near = -0.057167079 + t * (0.21011807 + t * (-0.15937811 + t * 0.036194809));
  let far = 0.11962327 + t * (0.12084553 + t * (0.099347167 + t * (0.1304163 + t * near)));
  return exp(-0.5 * a * a) * t * far;
}`;

function activate(value: string, ...functions: readonly string[]): string {
  return `${functions.join('\n')}
fn activate(x: vec4<f32>) -> vec4<f32> {
  return ${value};
}`;
}

const gelu = 'max(x, vec4(0.0)) - abs(x) * normal_tail(abs(x))';
// (1 + tanh(u)) / 2 = logistic(2u); at |x| = 20 it is 0 or 1.
const geluTanh = activate(
  `x * logistic(1.5957691 * bounded(x) * (1.0 + 0.044715 * bounded(x) * bounded(x)))`,
  'fn bounded(x: vec4<f32>) -> vec4<f32> { return clamp(x, vec4(-20.0), vec4(20.0)); }',
  logistic,
);
const silu = activate('x * logistic(x)', logistic);

/** WGSL by the names of the activations. */
export const activationsInWgsl: ReadonlyMap<string, string> = new Map(
  Object.entries({
    gelu: activate(gelu, normalTail),
    gelu_new: geluTanh,
    gelu_pytorch_tanh: geluTanh,
    gelu_fast: geluTanh,
    gelu_10: activate(`clamp(${gelu}, vec4(-10.0), vec4(10.0))`, normalTail),
    quick_gelu: activate('x * logistic(1.702 * x)', logistic),
    relu: activate('max(x, vec4(0.0))'),
    relu2: activate('max(x, vec4(0.0)) * max(x, vec4(0.0))'),
    relu6: activate('clamp(x, vec4(0.0), vec4(6.0))'),
    leaky_relu: activate('select(x, 0.01 * x, x < vec4(0.0))'),
    silu,
    swish: silu,
    // tanh(log(1 + e)) = e (e + 2) / (e (e + 2) + 2); 1 from x = 20 on
    mish: activate(
      'x * (mish_ratio(x) / (mish_ratio(x) + 2.0))',
      `
fn mish_ratio(x: vec4<f32>) -> vec4<f32> {
  let e = exp(clamp(x, vec4(-87.0), vec4(20.0)));
  return e * (e + 2.0);
}`,
    ),
    sigmoid: activate('logistic(x)', logistic),
    tanh: activate('hyperbolic(x)', hyperbolic),
    // exp(x) - 1 = tanh(x / 2) (exp(x) + 1)
    elu: activate(
      'select(x, hyperbolic(0.5 * x) * (exp(clamp(x, vec4(-87.0), vec4(0.0))) + 1.0), x < vec4(0.0))',
      hyperbolic,
    ),
    linear: activate('x'),
  }),
);
