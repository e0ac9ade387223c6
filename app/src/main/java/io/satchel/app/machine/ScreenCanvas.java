package io.satchel.app.machine;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.IntBuffer;
import javafx.animation.AnimationTimer;
import javafx.geometry.Rectangle2D;
import javafx.scene.AccessibleRole;
import javafx.scene.image.ImageView;
import javafx.scene.image.PixelBuffer;
import javafx.scene.image.PixelFormat;
import javafx.scene.image.WritableImage;
import javafx.scene.layout.Region;
import org.jspecify.annotations.Nullable;

/**
 * The guest's picture. An {@code ImageView} of a {@code PixelBuffer} over native memory is the
 * cheapest of the ways that were measured: for a whole 1024x768 frame in the software pipeline it
 * takes 0.6 to 0.75 of the time of {@code Canvas.drawImage}, which draws every pixel twice, and 0.4
 * of that of a PixelWriter.
 */
final class ScreenCanvas extends Region {

  private final GuestScreen screen;
  private final ImageView view = new ImageView();
  private final AnimationTimer timer =
      new AnimationTimer() {
        @Override
        public void handle(long now) {
          pulse();
        }
      };
  private @Nullable PixelBuffer<IntBuffer> buffer;

  /**
   * The same memory as the buffer's. The thread that draws moves the limit of the buffer that it
   * was given, and may do so while the next picture is written.
   */
  private IntBuffer memory = IntBuffer.allocate(0);

  private @Nullable WritableImage image;
  private int pictureWidth = 720;
  private int pictureHeight = 400;
  private boolean squarePixels;
  private boolean wholeNumber;
  private boolean smooth;

  ScreenCanvas(GuestScreen screen) {
    this.screen = screen;
    view.setManaged(false);
    view.setMouseTransparent(true);
    view.setAccessibleRole(AccessibleRole.NODE);
    getChildren().add(view);
    setFocusTraversable(true);
    setAccessibleRole(AccessibleRole.IMAGE_VIEW);
    setStyle("-fx-background-color: black;");
    setMinSize(160, 120);
    setPrefSize(720, 540);
  }

  void start() {
    timer.start();
  }

  void stop() {
    timer.stop();
  }

  /** Only whole multiples of the guest's pixels. */
  void setWholeNumber(boolean whole) {
    wholeNumber = whole;
    place();
  }

  /** Softens the picture when it is scaled. */
  void setSmooth(boolean soft) {
    smooth = soft;
    place();
  }

  /** The guest's picture as it is now, in its own pixels; {@code null} before the first frame. */
  @Nullable WritableImage image() {
    return image;
  }

  @Override
  protected void layoutChildren() {
    place();
  }

  private void pulse() {
    GuestScreen.Change change = screen.take();
    if (change == null) {
      return;
    }
    PixelBuffer<IntBuffer> pixels = buffer;
    if (change.resized()
        || pixels == null
        || pixels.getWidth() != change.width()
        || pixels.getHeight() != change.height()) {
      pictureWidth = change.width();
      pictureHeight = change.height();
      squarePixels = change.squarePixels();
      memory =
          ByteBuffer.allocateDirect(pictureWidth * pictureHeight * 4)
              .order(ByteOrder.nativeOrder())
              .asIntBuffer();
      pixels =
          new PixelBuffer<>(
              pictureWidth, pictureHeight, memory.duplicate(), PixelFormat.getIntArgbPreInstance());
      buffer = pixels;
      image = new WritableImage(pixels);
      view.setImage(image);
      place();
    }
    if (screen.copy(change, memory)) {
      pixels.updateBuffer(_ -> new Rectangle2D(change.x(), change.y(), change.w(), change.h()));
    }
  }

  /** Puts the picture into the middle, as large as it may be. */
  private void place() {
    double areaWidth = getWidth();
    double areaHeight = getHeight();
    double shownWidth = squarePixels ? pictureWidth : pictureHeight * pixelAspect();
    double scale = Math.min(areaWidth / shownWidth, areaHeight / pictureHeight);
    if (wholeNumber && scale >= 1) {
      scale = Math.floor(scale);
      shownWidth = pictureWidth * Math.max(1, Math.round(shownWidth / pictureWidth));
    }
    double width = Math.rint(shownWidth * scale);
    double height = Math.rint(pictureHeight * scale);
    view.setSmooth(smooth && !wholeNumber);
    view.setFitWidth(width);
    view.setFitHeight(height);
    view.relocate(Math.rint((areaWidth - width) / 2), Math.rint((areaHeight - height) / 2));
  }

  /** Old display modes fill a 4:3 tube whatever their pixel counts are. */
  private double pixelAspect() {
    return 4.0 / 3.0;
  }
}
