package io.satchel.image;

import io.satchel.image.container.Container;
import io.satchel.image.container.GzipFormat;
import io.satchel.image.container.OvaFormat;
import io.satchel.image.container.XzFormat;
import io.satchel.image.container.ZipFormat;
import io.satchel.image.container.ZstdFormat;
import io.satchel.image.format.ImageFormat;
import io.satchel.image.format.bochs.BochsFormat;
import io.satchel.image.format.cloop.CloopFormat;
import io.satchel.image.format.dmg.DmgFormat;
import io.satchel.image.format.luks.LuksFormat;
import io.satchel.image.format.parallels.ParallelsFormat;
import io.satchel.image.format.qcow.QcowFormat;
import io.satchel.image.format.qcow2.Qcow2Format;
import io.satchel.image.format.qed.QedFormat;
import io.satchel.image.format.raw.RawFormat;
import io.satchel.image.format.vdi.VdiFormat;
import io.satchel.image.format.vhdx.VhdxFormat;
import io.satchel.image.format.vmdk.VmdkFormat;
import io.satchel.image.format.vpc.VpcFormat;
import java.nio.ByteBuffer;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The list of all formats. A new one joins by a line here. */
public final class Formats {
  public static final RawFormat RAW = new RawFormat();
  public static final Qcow2Format QCOW2 = new Qcow2Format();

  /** All that are recognised by their first bytes, the likeliest first; raw is not among them. */
  private static final List<ImageFormat> PROBED =
      List.of(
          QCOW2,
          new QcowFormat(),
          new VdiFormat(),
          new VmdkFormat(),
          new VhdxFormat(),
          new VpcFormat(),
          new QedFormat(),
          new ParallelsFormat(),
          new LuksFormat(),
          new CloopFormat(),
          new BochsFormat(),
          new DmgFormat(),
          new GzipFormat(Formats::inside),
          new XzFormat(Formats::inside),
          new ZstdFormat(Formats::inside),
          new ZipFormat(Formats::inside),
          new OvaFormat(Formats::inside));

  private Formats() {}

  /** The format of an image that was found in a container. */
  private static ImageFormat inside(ByteBuffer head) {
    ImageFormat format = probe(head);
    return format == null || format instanceof Container ? RAW : format;
  }

  /** The format that a file's first bytes tell, or null when it can only be raw. */
  public static @Nullable ImageFormat probe(ByteBuffer head) {
    for (ImageFormat format : PROBED) {
      if (format.probe(head)) {
        return format;
      }
    }
    return null;
  }

  /** The format of that name, or null. */
  public static @Nullable ImageFormat named(String name) {
    if (name.equals(RAW.name())) {
      return RAW;
    }
    for (ImageFormat format : PROBED) {
      if (format.name().equals(name)) {
        return format;
      }
    }
    return null;
  }
}
