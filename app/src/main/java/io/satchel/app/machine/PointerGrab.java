package io.satchel.app.machine;

import javafx.beans.property.ReadOnlyBooleanProperty;
import javafx.beans.property.ReadOnlyBooleanWrapper;
import javafx.geometry.Bounds;
import javafx.scene.Cursor;
import javafx.scene.Node;
import javafx.scene.input.MouseButton;
import javafx.scene.input.MouseEvent;
import javafx.scene.input.ScrollEvent;
import javafx.scene.robot.Robot;

/**
 * Gives the pointer to the guest after a click: it is hidden, put back to the middle after every
 * move, and the way it went is what the guest's mouse did. Putting it back moves it exactly, so
 * nothing is lost or doubled.
 */
final class PointerGrab {

  /** Takes what the mouse did; as {@code Machine.pointer}. */
  @FunctionalInterface
  interface Target {
    void pointer(int dx, int dy, int wheel, int buttons);
  }

  private static final int LEFT = 1;
  private static final int RIGHT = 2;
  private static final int MIDDLE = 4;

  private final Node node;
  private final Target target;
  private final Robot robot = new Robot();
  private final ReadOnlyBooleanWrapper grabbed = new ReadOnlyBooleanWrapper();
  private double centreX;
  private double centreY;
  private double restX;
  private double restY;
  private double wheel;
  private int buttons;

  PointerGrab(Node node, Target target) {
    this.node = node;
    this.target = target;
    node.addEventHandler(MouseEvent.MOUSE_PRESSED, this::pressed);
    node.addEventHandler(MouseEvent.MOUSE_RELEASED, this::released);
    node.addEventHandler(MouseEvent.MOUSE_MOVED, this::moved);
    node.addEventHandler(MouseEvent.MOUSE_DRAGGED, this::moved);
    node.addEventHandler(ScrollEvent.SCROLL, this::scrolled);
    node.focusedProperty()
        .addListener(
            (_, _, focused) -> {
              if (!focused) {
                release();
              }
            });
  }

  ReadOnlyBooleanProperty grabbedProperty() {
    return grabbed.getReadOnlyProperty();
  }

  /** Gives the pointer back to the host. */
  void release() {
    if (grabbed.get()) {
      grabbed.set(false);
      node.setCursor(Cursor.DEFAULT);
      if (buttons != 0) {
        buttons = 0;
        target.pointer(0, 0, 0, 0);
      }
    }
  }

  private void pressed(MouseEvent event) {
    node.requestFocus();
    if (!grabbed.get()) {
      grabbed.set(true);
      node.setCursor(Cursor.NONE);
      centre();
      return;
    }
    buttons |= bit(event.getButton());
    target.pointer(0, 0, 0, buttons);
  }

  private void released(MouseEvent event) {
    int bit = bit(event.getButton());
    if (grabbed.get() && (buttons & bit) != 0) {
      buttons &= ~bit;
      target.pointer(0, 0, 0, buttons);
    }
  }

  private void moved(MouseEvent event) {
    if (!grabbed.get()) {
      return;
    }
    restX += event.getScreenX() - centreX;
    restY += event.getScreenY() - centreY;
    int dx = (int) restX;
    int dy = (int) restY;
    if (dx != 0 || dy != 0) {
      restX -= dx;
      restY -= dy;
      target.pointer(dx, dy, 0, buttons);
      robot.mouseMove(centreX, centreY);
    }
  }

  private void scrolled(ScrollEvent event) {
    if (grabbed.get()) {
      wheel -= event.getDeltaY() / Math.max(1, event.getMultiplierY());
      int notches = (int) wheel;
      if (notches != 0) {
        wheel -= notches;
        target.pointer(0, 0, notches, buttons);
      }
    }
  }

  private void centre() {
    Bounds bounds = node.localToScreen(node.getLayoutBounds());
    centreX = Math.rint(bounds.getCenterX());
    centreY = Math.rint(bounds.getCenterY());
    restX = restY = 0;
    robot.mouseMove(centreX, centreY);
  }

  private static int bit(MouseButton button) {
    return switch (button) {
      case PRIMARY -> LEFT;
      case SECONDARY -> RIGHT;
      case MIDDLE -> MIDDLE;
      default -> 0;
    };
  }
}
