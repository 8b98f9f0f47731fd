// From a beat's control to that of segments.
module rce_control (
  input  logic               clk_i,
  input  rce_pkg::beat_t     beat_i,
  output rce_pkg::segment_t  segment_o,  // a cycle later
  output rce_pkg::choice_t   choice_o    // the same
);
  rce_pkg::segment_t segment;
  rce_pkg::choice_t choice;

  always_comb begin
    unique case (beat_i.mode)
      rce_pkg::ModeSparse24: segment.format = rce_pkg::FormatSparse24;
      rce_pkg::ModeDense2: segment.format = rce_pkg::FormatDense2;
      rce_pkg::ModeDense4, rce_pkg::ModeDense8: segment.format = rce_pkg::FormatSigned;
      default: segment.format = rce_pkg::FormatOffset;
    endcase

    // Where levels are.
    segment.low = rce_pkg::LowNibble;
    segment.high = rce_pkg::HighNibble;
    segment.low_clear = 1'b0;
    segment.high_clear = 1'b0;
    unique case (beat_i.mode)
      rce_pkg::ModeSparse24: begin
        segment.low = rce_pkg::LowSparse24;
        segment.high = rce_pkg::HighSparse24;
      end
      rce_pkg::ModeDense2: begin
        segment.low = beat_i.half ? rce_pkg::LowDense2Half1 : rce_pkg::LowNibble;
        segment.high = beat_i.half ? rce_pkg::HighDense2Half1 : rce_pkg::HighDense2Half0;
      end
      rce_pkg::ModeDense8: begin
        // Low nibbles in positions (c, 0); then high ones in (c, 1), and carries in (c, 0).
        segment.low = beat_i.half ? rce_pkg::LowCarry : rce_pkg::LowNibble;
        segment.low_clear = beat_i.half;
        segment.high_clear = !beat_i.half;
      end
      default: ;
    endcase

    // Columns.
    choice.two_bit = beat_i.mode == rce_pkg::ModeSparse24
                             || beat_i.mode == rce_pkg::ModeDense2;
    choice.pattern = beat_i.mode == rce_pkg::ModeSparse24;
    choice.base = beat_i.entry[4:2];
    unique case (beat_i.mode)
      rce_pkg::ModeSparse24: begin
        choice.upper = 1'b0;
        choice.column = rce_pkg::ColumnPattern;
      end
      rce_pkg::ModeDense2: begin
        choice.upper = beat_i.half;
        choice.column = rce_pkg::ColumnEvenOdd;
      end
      rce_pkg::ModeDense4: begin
        choice.upper = beat_i.beat[0];
        choice.column = rce_pkg::ColumnEvenOdd;
      end
      rce_pkg::ModeDense8: begin
        choice.upper = beat_i.beat[1];
        choice.column = beat_i.beat[0] ? rce_pkg::ColumnBothOdd : rce_pkg::ColumnBothEven;
      end
      default: begin
        choice.upper = beat_i.entry[1];
        choice.column = beat_i.entry[0] ? rce_pkg::ColumnBothOdd : rce_pkg::ColumnBothEven;
      end
    endcase

    // Multipliers. Factors of values come from elsewhere.
    segment.load = beat_i.kind == rce_pkg::KindMultipliers;
    segment.row = beat_i.row;
    segment.multiplier_clear = beat_i.kind != rce_pkg::KindData
                               || beat_i.mode == rce_pkg::ModeValue;
    unique case (beat_i.mode)
      rce_pkg::ModeSparse24: segment.multiplier = rce_pkg::MultiplierSparse24;
      rce_pkg::ModeDense2, rce_pkg::ModeDense4: segment.multiplier = rce_pkg::MultiplierDense;
      rce_pkg::ModeDense8: begin
        segment.multiplier = beat_i.half ? rce_pkg::MultiplierDense16 : rce_pkg::MultiplierDense;
      end
      default: segment.multiplier = rce_pkg::MultiplierKey;
    endcase
  end

  always_ff @(posedge clk_i) begin
    segment_o <= segment;
    choice_o <= choice;
  end

  // Chains, rows and ends of sums are others' business.
  logic unused;
  assign unused = ^{beat_i.start, beat_i.last, beat_i.split, beat_i.upper};
endmodule
