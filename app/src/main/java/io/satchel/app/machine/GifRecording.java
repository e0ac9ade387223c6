package io.satchel.app.machine;

import io.satchel.app.common.Problem;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.AtomicMoveNotSupportedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Arrays;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriter;
import javax.imageio.metadata.IIOInvalidTreeException;
import javax.imageio.metadata.IIOMetadata;
import javax.imageio.metadata.IIOMetadataNode;
import javax.imageio.stream.ImageOutputStream;
import org.jspecify.annotations.Nullable;

/**
 * Records a screen as an animated GIF (CompuServe, "Graphics Interchange Format", version 89a). The
 * file appears under its name when the recording ends. One thread uses it.
 */
final class GifRecording implements AutoCloseable {

  /** The format counts time in hundredths of a second. */
  private static final long TICK_NANOS = 10_000_000L;

  /** What programs that show GIFs keep to; shorter ones they show slower. */
  private static final long LEAST_TICKS = 2;

  private static final long MOST_TICKS = 65_535;

  private final Path target;
  private final Path part;
  private final ImageOutputStream out;
  private final ImageWriter writer;
  private @Nullable BufferedImage shown;
  private int[] pixels = new int[0];
  private long since;
  private int frames;
  private boolean ended;

  /**
   * Begins a recording.
   *
   * @throws IOException if the file cannot be written
   */
  GifRecording(Path target) throws IOException {
    this.target = target;
    part = target.resolveSibling(target.getFileName() + ".part");
    Files.deleteIfExists(part);
    ImageOutputStream stream = ImageIO.createImageOutputStream(Files.createFile(part).toFile());
    if (stream == null) {
      throw new Problem("problem.recording", part);
    }
    out = stream;
    writer = ImageIO.getImageWritersByFormatName("gif").next();
    writer.setOutput(out);
    writer.prepareWriteSequence(null);
  }

  /**
   * The screen shows this from now on.
   *
   * @param argb row by row; what is recorded is a copy
   * @param nanos the time, which only grows
   */
  void frame(int[] argb, int width, int height, long nanos) throws IOException {
    BufferedImage before = shown;
    if (before != null && before.getWidth() == width && Arrays.equals(argb, pixels)) {
      return;
    }
    if (before != null) {
      if (nanos - since < LEAST_TICKS * TICK_NANOS) {
        return;
      }
      write(before, nanos);
    }
    BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
    image.setRGB(0, 0, width, height, argb, 0, width);
    pixels = argb.clone();
    shown = image;
    since = nanos;
  }

  private void write(BufferedImage image, long until) throws IOException {
    long ticks = Math.clamp((until - since) / TICK_NANOS, LEAST_TICKS, MOST_TICKS);
    IIOMetadata metadata =
        writer.getDefaultImageMetadata(
            ImageTypeSpecifier.createFromRenderedImage(image), writer.getDefaultWriteParam());
    IIOMetadataNode root = new IIOMetadataNode(metadata.getNativeMetadataFormatName());
    IIOMetadataNode control = new IIOMetadataNode("GraphicControlExtension");
    control.setAttribute("disposalMethod", "none");
    control.setAttribute("userInputFlag", "FALSE");
    control.setAttribute("transparentColorFlag", "FALSE");
    control.setAttribute("delayTime", Long.toString(ticks));
    control.setAttribute("transparentColorIndex", "0");
    root.appendChild(control);
    if (frames == 0) {
      root.appendChild(forEver());
    }
    try {
      metadata.mergeTree(metadata.getNativeMetadataFormatName(), root);
    } catch (IIOInvalidTreeException e) {
      throw new IllegalStateException(e);
    }
    writer.writeToSequence(new IIOImage(image, null, metadata), null);
    frames++;
  }

  /** Netscape's extension, by which the animation begins again at its end. */
  private static IIOMetadataNode forEver() {
    IIOMetadataNode extensions = new IIOMetadataNode("ApplicationExtensions");
    IIOMetadataNode extension = new IIOMetadataNode("ApplicationExtension");
    extension.setAttribute("applicationID", "NETSCAPE");
    extension.setAttribute("authenticationCode", "2.0");
    extension.setUserObject(new byte[] {1, 0, 0});
    extensions.appendChild(extension);
    return extensions;
  }

  /** Ends the recording; the last picture is shown until {@code nanos}. */
  void end(long nanos) throws IOException {
    BufferedImage last = shown;
    if (last != null) {
      write(last, nanos);
    }
    writer.endWriteSequence();
    out.flush();
    ended = frames > 0;
  }

  /** Gives the file its name; one that was not ended is deleted. */
  @Override
  public void close() throws IOException {
    writer.dispose();
    out.close();
    if (!ended) {
      Files.deleteIfExists(part);
      return;
    }
    try {
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (AtomicMoveNotSupportedException _) {
      Files.move(part, target);
    }
  }
}
