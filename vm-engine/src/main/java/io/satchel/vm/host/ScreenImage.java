package io.satchel.vm.host;

import java.io.BufferedOutputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * A screen that keeps the last picture and the last text, for screenshots and tests. It may be
 * asked from any thread.
 */
public final class ScreenImage implements Screen {

  private static final byte[] PNG_SIGNATURE = {(byte) 0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};

  private int width;
  private int height;
  private boolean squarePixels = true;
  private int[] pixels = new int[0];
  private long updates;
  private @Nullable TextScreen text;

  @Override
  public synchronized void resize(int newWidth, int newHeight, boolean newSquarePixels) {
    width = newWidth;
    height = newHeight;
    squarePixels = newSquarePixels;
    if (pixels.length == newWidth * newHeight) {
      Arrays.fill(pixels, 0);
    } else {
      pixels = new int[newWidth * newHeight];
    }
  }

  @Override
  public synchronized void update(int[] source, int stride, int x, int y, int w, int h) {
    for (int row = y; row < y + h; row++) {
      System.arraycopy(source, row * stride + x, pixels, row * width + x, w);
    }
    updates++;
  }

  @Override
  public synchronized void text(@Nullable TextScreen newText) {
    text = newText;
  }

  /** Pixels in a row; 0 before the first picture. */
  public synchronized int width() {
    return width;
  }

  public synchronized int height() {
    return height;
  }

  public synchronized boolean squarePixels() {
    return squarePixels;
  }

  /** 0xFFrrggbb. */
  public synchronized int pixel(int x, int y) {
    if (x < 0 || x >= width || y < 0 || y >= height) {
      throw new IndexOutOfBoundsException("pixel %d, %d of %d x %d".formatted(x, y, width, height));
    }
    return pixels[y * width + x];
  }

  /** A copy of all pixels, row by row. */
  public synchronized int[] pixels() {
    return pixels.clone();
  }

  /** How often a part of the picture has changed. */
  public synchronized long updates() {
    return updates;
  }

  /** The characters of a text mode, or {@code null} in a graphics mode. */
  public synchronized @Nullable TextScreen text() {
    return text;
  }

  /** Writes the picture to a PNG file, which is replaced if it exists. */
  public void writePng(Path file) throws IOException {
    try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file))) {
      writePng(out);
    }
  }

  /**
   * Writes the picture, pixel for pixel, as a PNG (W3C "Portable Network Graphics", 8-bit RGB).
   * Before the first picture that is one black pixel.
   */
  public void writePng(OutputStream out) throws IOException {
    int w;
    int h;
    int[] copy;
    synchronized (this) {
      w = Math.max(1, width);
      h = Math.max(1, height);
      copy = width == 0 ? new int[1] : pixels.clone();
    }
    DataOutputStream data = new DataOutputStream(out);
    data.write(PNG_SIGNATURE);
    ByteArrayOutputStream header = new ByteArrayOutputStream();
    DataOutputStream fields = new DataOutputStream(header);
    fields.writeInt(w);
    fields.writeInt(h);
    fields.write(new byte[] {8, 2, 0, 0, 0});
    chunk(data, "IHDR", header.toByteArray());
    chunk(data, "IDAT", compressed(copy, w, h));
    chunk(data, "IEND", new byte[0]);
    data.flush();
  }

  private static byte[] compressed(int[] pixels, int width, int height) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    Deflater deflater = new Deflater(Deflater.BEST_SPEED);
    try (DeflaterOutputStream out = new DeflaterOutputStream(bytes, deflater)) {
      byte[] row = new byte[1 + 3 * width];
      for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
          int pixel = pixels[y * width + x];
          row[1 + 3 * x] = (byte) (pixel >>> 16);
          row[2 + 3 * x] = (byte) (pixel >>> 8);
          row[3 + 3 * x] = (byte) pixel;
        }
        out.write(row);
      }
    } finally {
      deflater.end();
    }
    return bytes.toByteArray();
  }

  private static void chunk(DataOutputStream out, String type, byte[] content) throws IOException {
    byte[] name = type.getBytes(StandardCharsets.US_ASCII);
    CRC32 crc = new CRC32();
    crc.update(name);
    crc.update(content);
    out.writeInt(content.length);
    out.write(name);
    out.write(content);
    out.writeInt((int) crc.getValue());
  }
}
