package io.satchel.app.machine;

import io.satchel.vm.host.Screen;
import io.satchel.vm.host.TextScreen;
import org.jspecify.annotations.Nullable;

/** Shows the same picture in two places: the window, and where screenshots come from. */
record Both(Screen first, Screen second) implements Screen {

  @Override
  public void resize(int width, int height, boolean squarePixels) {
    first.resize(width, height, squarePixels);
    second.resize(width, height, squarePixels);
  }

  @Override
  public void update(int[] pixels, int stride, int x, int y, int width, int height) {
    first.update(pixels, stride, x, y, width, height);
    second.update(pixels, stride, x, y, width, height);
  }

  @Override
  public void text(@Nullable TextScreen text) {
    first.text(text);
    second.text(text);
  }

  @Override
  public boolean wantsFrame() {
    return first.wantsFrame();
  }
}
