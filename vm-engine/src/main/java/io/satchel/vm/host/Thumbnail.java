package io.satchel.vm.host;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;

/** A small picture of a screen, for lists. */
public final class Thumbnail {

  /** Pixels that a thumbnail is wide at most. */
  public static final int MOST_WIDTH = 320;

  private static final int MOST_HEIGHT = 240;

  private Thumbnail() {}

  /** A PNG in the screen's own proportions, each pixel the mean of those that it stands for. */
  public static byte[] png(ScreenImage screen) {
    int width = Math.max(1, screen.width());
    int height = Math.max(1, screen.height());
    int[] pixels = screen.width() == 0 ? new int[] {0xFF000000} : screen.pixels();
    double scale =
        Math.min(1, Math.min((double) MOST_WIDTH / width, (double) MOST_HEIGHT / height));
    int w = (int) Math.max(1, Math.round(width * scale));
    int h = (int) Math.max(1, Math.round(height * scale));
    int[] small = new int[w * h];
    for (int y = 0; y < h; y++) {
      int top = y * height / h;
      int bottom = Math.max(top + 1, (y + 1) * height / h);
      for (int x = 0; x < w; x++) {
        int left = x * width / w;
        int right = Math.max(left + 1, (x + 1) * width / w);
        small[y * w + x] = mean(pixels, width, left, top, right, bottom);
      }
    }
    ScreenImage result = new ScreenImage();
    result.resize(w, h, screen.squarePixels());
    result.update(small, w, 0, 0, w, h);
    ByteArrayOutputStream png = new ByteArrayOutputStream();
    try {
      result.writePng(png);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return png.toByteArray();
  }

  private static int mean(int[] pixels, int stride, int left, int top, int right, int bottom) {
    int red = 0;
    int green = 0;
    int blue = 0;
    for (int y = top; y < bottom; y++) {
      for (int x = left; x < right; x++) {
        int pixel = pixels[y * stride + x];
        red += pixel >>> 16 & 0xFF;
        green += pixel >>> 8 & 0xFF;
        blue += pixel & 0xFF;
      }
    }
    int count = (right - left) * (bottom - top);
    return 0xFF00_0000 | red / count << 16 | green / count << 8 | blue / count;
  }
}
