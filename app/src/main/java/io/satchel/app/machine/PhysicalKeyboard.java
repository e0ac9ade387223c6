package io.satchel.app.machine;

import io.satchel.vm.host.Key;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiConsumer;
import javafx.scene.Node;
import javafx.scene.input.InputMethodEvent;
import javafx.scene.input.KeyEvent;

/**
 * Keys by their place on the keyboard, whatever the host's layout or input method makes of them:
 * the guest has a layout of its own.
 *
 * <p>A JavaFX key event has no scan code, so the host is asked where it can be: at a key event
 * {@link X11Keys} tells which keys went down and up. Elsewhere {@link KeyCodes} translates the
 * key's name, which is right for a US layout.
 */
final class PhysicalKeyboard implements AutoCloseable {

  private final BiConsumer<Key, Boolean> target;
  private final Optional<X11Keys> x11;
  private final Runnable released;
  private final Set<Key> held = EnumSet.noneOf(Key.class);
  private boolean chordAlone;

  /**
   * @param released told when Ctrl+Alt was pressed and let go with nothing between, the way out of
   *     the guest; with another key it is the guest's alone
   */
  PhysicalKeyboard(Node node, BiConsumer<Key, Boolean> target, Runnable released) {
    this.target = target;
    this.released = released;
    x11 = useX11() ? X11Keys.open() : Optional.empty();
    node.addEventFilter(KeyEvent.KEY_PRESSED, event -> key(event, true));
    node.addEventFilter(KeyEvent.KEY_RELEASED, event -> key(event, false));
    node.addEventFilter(KeyEvent.KEY_TYPED, KeyEvent::consume);
    node.addEventFilter(InputMethodEvent.INPUT_METHOD_TEXT_CHANGED, InputMethodEvent::consume);
    node.focusedProperty()
        .addListener(
            (_, _, focused) -> {
              if (!focused) {
                releaseAll();
              }
              // What was pressed for another window.
              x11.ifPresent(keys -> keys.drain((_, _) -> {}));
            });
  }

  private static boolean useX11() {
    return System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux")
        && System.getenv("DISPLAY") != null
        && !"Headless".equals(System.getProperty("glass.platform"));
  }

  /** Lets go of everything the guest believes to be held, as when the window loses the focus. */
  void releaseAll() {
    chordAlone = false;
    Set<Key> keys = EnumSet.copyOf(held.isEmpty() ? EnumSet.noneOf(Key.class) : held);
    keys.forEach(key -> send(key, false));
  }

  private void key(KeyEvent event, boolean down) {
    event.consume();
    if (x11.isPresent()) {
      x11.get().drain(this::change);
      return;
    }
    Key key = KeyCodes.of(event.getCode());
    if (key != null) {
      change(key, down);
    }
  }

  /** A key that goes down again while it is held repeats; the guest has a repeat of its own. */
  private void change(Key key, boolean down) {
    if (down != held.contains(key)) {
      send(key, down);
    }
  }

  private void send(Key key, boolean down) {
    if (down) {
      held.add(key);
      chordAlone = onlyControlAndAlt();
    } else {
      held.remove(key);
    }
    target.accept(key, down);
    if (!down && chordAlone) {
      chordAlone = false;
      released.run();
    }
  }

  /** Whether Ctrl and Alt are held, whatever else is. */
  boolean controlAndAltHeld() {
    return (held.contains(Key.CONTROL_LEFT) || held.contains(Key.CONTROL_RIGHT))
        && (held.contains(Key.ALT_LEFT) || held.contains(Key.ALT_RIGHT));
  }

  private boolean onlyControlAndAlt() {
    return held.size() == 2 && controlAndAltHeld();
  }

  @Override
  public void close() {
    releaseAll();
    x11.ifPresent(X11Keys::close);
  }
}
