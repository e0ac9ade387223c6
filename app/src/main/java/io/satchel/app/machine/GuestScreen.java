package io.satchel.app.machine;

import io.satchel.vm.host.Screen;
import io.satchel.vm.host.TextScreen;
import java.nio.IntBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Carries the picture from the machine's thread to the window's: the machine copies changed
 * rectangles in, the window takes their union out once a pulse. Neither waits for more than a copy.
 */
final class GuestScreen implements Screen {

  /**
   * What has changed since the last {@link #take}. {@code resized} tells that the picture has a new
   * size.
   */
  record Change(
      boolean resized, int width, int height, boolean squarePixels, int x, int y, int w, int h) {}

  private int width = 720;
  private int height = 400;
  private boolean squarePixels;
  private int[] pixels = new int[width * height];
  private boolean resized = true;
  private int left = Integer.MAX_VALUE;
  private int top = Integer.MAX_VALUE;
  private int right;
  private int bottom;
  private volatile boolean wanted = true;
  private volatile @Nullable TextScreen text;

  @Override
  public synchronized void resize(int newWidth, int newHeight, boolean square) {
    width = newWidth;
    height = newHeight;
    squarePixels = square;
    pixels = new int[width * height];
    resized = true;
    mark(0, 0, width, height);
  }

  @Override
  public synchronized void update(int[] source, int stride, int x, int y, int w, int h) {
    for (int row = y; row < y + h; row++) {
      System.arraycopy(source, row * stride + x, pixels, row * width + x, w);
    }
    mark(x, y, w, h);
  }

  private void mark(int x, int y, int w, int h) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + w);
    bottom = Math.max(bottom, y + h);
  }

  @Override
  public void text(@Nullable TextScreen shown) {
    text = shown;
  }

  @Override
  public boolean wantsFrame() {
    return wanted;
  }

  /** Whether anyone looks: a hidden or minimised window does not. */
  void setWanted(boolean looked) {
    wanted = looked;
  }

  @Nullable TextScreen text() {
    return text;
  }

  /**
   * What changed since the last call, or {@code null}. The caller then copies it with {@link
   * #copy}.
   */
  synchronized @Nullable Change take() {
    if (right <= left) {
      return null;
    }
    Change change =
        new Change(resized, width, height, squarePixels, left, top, right - left, bottom - top);
    resized = false;
    left = top = Integer.MAX_VALUE;
    right = bottom = 0;
    return change;
  }

  /**
   * Copies the rectangle of {@code change} into a buffer of the picture's size; false if the size
   * has changed since.
   */
  synchronized boolean copy(Change change, IntBuffer target) {
    if (change.width != width || change.height != height) {
      return false;
    }
    for (int row = change.y; row < change.y + change.h; row++) {
      int at = row * width + change.x;
      target.put(at, pixels, at, change.w);
    }
    return true;
  }
}
