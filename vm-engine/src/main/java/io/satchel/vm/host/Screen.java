package io.satchel.vm.host;

import org.jspecify.annotations.Nullable;

/**
 * Where a display adapter shows its picture. Called under the machine's lock, at vertical retrace;
 * it copies what it needs and returns at once.
 */
public interface Screen {

  /** A new picture size in pixels. The picture is shown at 4:3 unless {@code squarePixels}. */
  void resize(int width, int height, boolean squarePixels);

  /**
   * A rectangle has changed.
   *
   * @param pixels 0xFFrrggbb, row by row from the picture's top left
   * @param stride pixels from one row to the next
   */
  void update(int[] pixels, int stride, int x, int y, int width, int height);

  /**
   * The characters that are shown, in a text mode; {@code null} in a graphics mode. Only when they
   * changed.
   */
  void text(@Nullable TextScreen text);

  /** Whether a picture would be looked at; without one the adapter draws nothing. */
  default boolean wantsFrame() {
    return true;
  }
}
