"""Kernels on images of a TensorFlow plug-in, for tensorflow_values.py."""

import math

import numpy as np

from tensorflow_metal import KINDS, dispatch, empty, normal, zeros


def windows(height, width, out, size, stride, rate, pad):
    """For each place of an output the places of an image, row by row, that its window has."""
    for oy in range(out[0]):
        for ox in range(out[1]):
            yield oy, ox, [(ky, kx, oy * stride + ky * rate - pad, ox * stride + kx * rate - pad) for ky in range(size) for kx in range(size)
                           if 0 <= oy * stride + ky * rate - pad < height and 0 <= ox * stride + kx * rate - pad < width]


def dilation(run, random):
    x, f, g = normal(random, 2, 9, 8, 3), normal(random, 3, 3, 3), normal(random, 2, 5, 4, 3)
    parameters = [2, 9, 8, 3, 5, 4, 3, 3, 2, 2, 2, 2, 2, 2, g.size, 0]
    of_x, of_f = np.zeros(x.shape), np.zeros(f.shape)
    for b in range(2):
        for c in range(3):
            for oy, ox, places in windows(9, 8, (5, 4), 3, 2, 2, 2):
                ky, kx, y, at = max(places, key=lambda p: x[b, p[2], p[3], c] + f[p[0], p[1], c])
                of_x[b, y, at, c] += g[b, oy, ox, c]
                of_f[ky, kx, c] += g[b, oy, ox, c]
    run.compare(dispatch(run, "tf_dilation_backprop_input_float", [x, f, g, zeros(*x.shape)], [3], g.size, parameters), of_x, 1e-6)
    run.compare(dispatch(run, "tf_dilation_backprop_filter_float", [x, f, g, zeros(*f.shape)], [3], g.size, parameters), of_f, 2e-6)


def pool(kind, index, with_batch):
    def work(run, random):
        dtype = dict((name, d) for name, d, _ in KINDS)[kind]
        x, g, gg = normal(random, 2, 7, 9, 3, dtype=dtype), normal(random, 2, 4, 5, 3, dtype=dtype), normal(random, 2, 7, 9, 3, dtype=dtype)
        parameters = [2, 7, 9, 3, 4, 5, 3, 3, 2, 2, 1, 1, g.size, with_batch, 0, 0]
        best, at = np.zeros(g.shape), np.zeros(g.shape, int)
        for b in range(2):
            for c in range(3):
                for oy, ox, places in windows(7, 9, (4, 5), 3, 2, 1, 1):
                    _, _, y, column = max(places, key=lambda p: x[b, p[2], p[3], c])
                    best[b, oy, ox, c], at[b, oy, ox, c] = x[b, y, column, c], ((b * with_batch * 7 + y) * 9 + column) * 3 + c
        places = empty(*g.shape, dtype=np.int32 if index == "i32" else np.int64)
        values, found = dispatch(run, f"tf_maxpool_argmax_{kind}_{index}", [x, empty(*g.shape, dtype=dtype), places], [1, 2], g.size, parameters)
        run.compare(values, best, 0)
        run.compare(found, at, 0)
        absolute = at + (0 if with_batch else np.arange(2).reshape(2, 1, 1, 1) * 7 * 9 * 3)
        gradient = np.bincount(absolute.reshape(-1), g.astype(float).reshape(-1), x.size)
        at = at.astype(places.dtype)
        run.compare(dispatch(run, f"tf_maxpool_grad_with_argmax_{kind}_{index}", [g, at, zeros(*x.shape)], [2], g.size, parameters), gradient, 1e-6)
        second = dispatch(run, f"tf_maxpool_gradgrad_with_argmax_{kind}_{index}", [gg, at, empty(*g.shape, dtype=dtype)], [2], g.size, parameters)
        run.compare(second, gg.reshape(-1)[absolute], 0)
        run.compare(dispatch(run, f"tf_maxpool_gradgrad_{kind}", [x, gg, empty(*g.shape, dtype=dtype)], [2], g.size, parameters), gg.reshape(-1)[absolute], 0)
    return work


def crop(nearest):
    def work(run, random):
        image, boxes = normal(random, 2, 11, 9, 2), random.uniform(-0.2, 1.2, (5, 4)).astype(np.float32)
        owner, g = random.integers(0, 2, 5).astype(np.int32), normal(random, 5, 4, 6, 2)
        parameters = [2, 11, 9, 2, 5, 4, 6, nearest, 7.5, g.size, 0, 0]
        value, back, of_boxes = np.zeros(g.shape), np.zeros(image.shape), np.zeros((5, 4))
        for b, (y1, x1, y2, x2) in enumerate(boxes.astype(float)):
            for i in range(4):
                for j in range(6):
                    y, x = 10 * (y1 + (y2 - y1) * i / 3), 8 * (x1 + (x2 - x1) * j / 5)
                    if not (0 <= y <= 10 and 0 <= x <= 8):
                        value[b, i, j] = 7.5
                        continue
                    if nearest:
                        at = owner[b], math.floor(y + 0.5), math.floor(x + 0.5)
                        value[b, i, j] = image[at]
                        back[at] += g[b, i, j]
                        continue
                    top, left, fy, fx = math.floor(y), math.floor(x), y % 1, x % 1
                    corners = [(owner[b], a, c) for a in (top, math.ceil(y)) for c in (left, math.ceil(x))]
                    weights = [(1 - fy) * (1 - fx), (1 - fy) * fx, fy * (1 - fx), fy * fx]
                    value[b, i, j] = sum(w * image[at].astype(float) for w, at in zip(weights, corners))
                    for w, at in zip(weights, corners):
                        back[at] += w * g[b, i, j]
                    tl, tr, bl, br = (image[at].astype(float) for at in corners)
                    dy = (g[b, i, j] * ((1 - fx) * (bl - tl) + fx * (br - tr))).sum()
                    dx = (g[b, i, j] * ((1 - fy) * (tr - tl) + fy * (br - bl))).sum()
                    of_boxes[b] += [dy * 10 * (1 - i / 3), dx * 8 * (1 - j / 5), dy * 10 * i / 3, dx * 8 * j / 5]
        run.compare(dispatch(run, "tf_crop_and_resize_float", [image, boxes, owner, empty(*g.shape)], [3], g.size, parameters), value, 5e-6)
        run.compare(dispatch(run, "tf_crop_and_resize_grad_image_float", [g, boxes, owner, zeros(*image.shape)], [3], g.size, parameters), back, 5e-6)
        if not nearest:
            found = dispatch(run, "tf_crop_and_resize_grad_boxes_float", [g, image, boxes, owner, zeros(5, 4)], [4], g.size, parameters)
            run.compare(found, of_boxes, 5e-6)
    return work


def projected(run, random):
    """Bilinear, what lies outside filled."""
    image = normal(random, 2, 8, 10, 3)
    moves = (np.array([1, 0, 0, 0, 1, 0, 0, 0]) + random.uniform(-0.1, 0.1, (2, 8)) * [1, 1, 10, 1, 1, 10, 0.05, 0.05]).astype(np.float32)
    wanted = np.zeros((2, 7, 9, 3))
    for b in range(2):
        a = np.append(moves[b].astype(float), 1).reshape(3, 3)
        for oy in range(7):
            for ox in range(9):
                x, y, w = a @ [ox, oy, 1]
                x, y = x / w, y / w
                for yi, fy in ((math.floor(y), 1 - y % 1), (math.floor(y) + 1, y % 1)):
                    for xi, fx in ((math.floor(x), 1 - x % 1), (math.floor(x) + 1, x % 1)):
                        wanted[b, oy, ox] += fy * fx * (image[b, yi, xi] if 0 <= yi < 8 and 0 <= xi < 10 else 0.25)
    found = dispatch(run, "tf_image_projective_transform_float", [image, moves, empty(2, 7, 9, 3)], [2], wanted.size, [2, 8, 10, 3, 7, 9, wanted.size, 0, 0, 2, 0.25, 0])
    run.compare(found, wanted, 5e-6)


def resized(run, random):
    """Gradients of resizing 5 x 6 to 9 x 13, sample centres between pixels or corners aligned."""
    g = normal(random, 2, 9, 13, 3)
    for nearest, half, scales in ((0, 1, (5 / 9, 6 / 13)), (0, 0, (4 / 8, 5 / 12)), (1, 0, (4 / 8, 5 / 12))):
        wanted = np.zeros((2, 5, 6, 3))
        for y in range(9):
            for x in range(13):
                fy, fx = ((i + 0.5) * s - 0.5 if half else i * s for i, s in zip((y, x), scales))
                if nearest:
                    wanted[:, min(math.floor(fy + 0.5), 4), min(math.floor(fx + 0.5), 5)] += g[:, y, x]
                    continue
                for yi, wy in ((max(math.floor(fy), 0), 1 - fy % 1), (min(math.ceil(fy), 4), fy % 1)):
                    for xi, wx in ((max(math.floor(fx), 0), 1 - fx % 1), (min(math.ceil(fx), 5), fx % 1)):
                        wanted[:, yi, xi] += wy * wx * g[:, y, x]
        found = dispatch(run, f"tf_resize_{'nearest' if nearest else 'bilinear'}_grad_float", [g, zeros(2, 5, 6, 3)], [1], g.size,
                         [2, 9, 13, 3, 5, 6, float(scales[0]), float(scales[1]), half, 1 - half, g.size, 0])
        run.compare(found, wanted, 5e-6)


def volume_patches(run, random):
    x = normal(random, 2, 4, 5, 6, 2)
    padded = np.pad(x, ((0, 0), (1, 1), (0, 0), (1, 1), (0, 0)))
    wanted = np.stack([padded[:, z:z + 3, y:y + 2, w:w + 2].reshape(2, -1) for z in (0, 2) for y in range(0, 4, 1) for w in range(0, 7, 2)], 1)
    found = dispatch(run, "tf_extract_volume_patches_float", [x, empty(*wanted.shape)], [1], wanted.size,
                     [2, 4, 5, 6, 2, 2, 4, 4, 3, 2, 2, 2, 1, 2, 1, 0, 1, wanted.size, 0, 0])
    run.compare(found, wanted, 0)
