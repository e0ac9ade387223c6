package io.satchel.vm.host;

/** Where sound goes. */
public interface AudioSink {

  /** Silence. */
  AudioSink NONE = hertz -> {};

  /** The PC speaker now sounds at {@code hertz}, or is silent at 0. */
  void speaker(double hertz);
}
