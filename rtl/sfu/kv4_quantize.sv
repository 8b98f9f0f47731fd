// Key and value vectors in KV4 (docs/numerics.md). Four elements a cycle come, in groups of 32, up
// to 256 in a vector; codes, multiplier and zero point of a group leave together, with the vector's
// scale.
//
// A vector is kept until its scale is known. From then on everything has its time: eight cycles are
// a group's turn in all parts, which share a divider and follow each other in a fixed distance.
module kv4_quantize (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         valid_i,
  output logic         ready_o,
  input  logic [127:0] beat_i,
  input  logic         last_i,    // beat of the vector, whose beats are a multiple of 8
  output logic         valid_o,
  input  logic         ready_i,
  output logic [127:0] codes_o,   // 32 elements in order
  output logic [7:0]   group_o,   // multiplier, zero point << 4
  output logic [15:0]  scale_o,   // binary16, of the vector
  output logic         last_o     // group of the vector
);
  localparam int unsigned BufferBeats  = 512;
  localparam int unsigned VectorBeats  = 64;
  localparam int unsigned BufferGroups = BufferBeats / 8;
  localparam int unsigned AddrW        = $clog2(BufferBeats);

  logic [2:0] phase_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) phase_q <= '0;
    else phase_q <= phase_q + 3'd1;
  end

  // Elements wait in the buffer; a vector begins only if the longest would have room, and some to
  // spare as this is known late.
  logic             push, start, reading_q, is_in_vector_q, has_room_q;
  logic [AddrW:0]   used_q;
  logic [AddrW-1:0] write_q, read_q;
  logic [127:0]     beat, beat_13;
  logic [15:0]      started_q;  // groups, by age in units of eight cycles
  logic             begin_reading;
  assign ready_o       = is_in_vector_q || has_room_q;
  assign push          = valid_i && ready_o;
  assign begin_reading = phase_q == 3'd6 && started_q[6];
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      used_q         <= '0;
      write_q        <= '0;
      read_q         <= '0;
      is_in_vector_q <= 1'b0;
      has_room_q     <= 1'b0;
      reading_q      <= 1'b0;
    end else begin
      used_q  <= used_q + (AddrW + 1)'(push) - (begin_reading ? (AddrW + 1)'(8) : '0);
      write_q <= write_q + AddrW'(push);
      read_q  <= read_q + AddrW'(reading_q);
      if (push) is_in_vector_q <= !last_i;
      has_room_q <= used_q < (AddrW + 1)'(BufferBeats - VectorBeats - 8);
      if (phase_q == 3'd6) reading_q <= started_q[6];
    end
  end
  ram_1w1r #(.Width(128), .Depth(BufferBeats), .Style("block")) u_buffer (
    .clk_i, .we_i(push), .waddr_i(write_q), .wdata_i(beat_i), .re_i(reading_q), .raddr_i(read_q),
    .rdata_o(beat)
  );
  delay_ring #(.Width(128), .Delay(13), .Style("block")) u_beat_13 (
    .clk_i, .en_i(1'b1), .data_i(beat), .data_o(beat_13)
  );

  // Ranges: of groups, which wait for the scale, and of vectors, from which it follows.
  logic        has_range, has_group, is_last_range, is_last_group, has_vector;
  logic [30:0] range_width, width, range_widest, widest;
  logic [31:0] range_middle, middle;
  logic        vector_is_finite, is_finite, widest_valid, take_widest;
  kv4_range u_range (
    .clk_i, .rst_ni, .valid_i(push), .beat_i, .last_i, .group_valid_o(has_range),
    .width_o(range_width), .middle_o(range_middle), .is_last_o(is_last_range),
    .vector_valid_o(has_vector), .widest_o(range_widest), .is_finite_o(vector_is_finite)
  );
  logic unused_group_ready, unused_vector_ready, unused_scale_ready, unused_out_ready;
  logic [$clog2(BufferGroups):0] unused_groups, unused_vectors, unused_scales;
  fifo_sync #(.Width(64), .Depth(BufferGroups), .Style("distributed")) u_groups (
    .clk_i, .rst_ni, .valid_i(has_range), .ready_o(unused_group_ready),
    .data_i({is_last_range, range_middle, range_width}), .valid_o(has_group), .ready_i(start),
    .data_o({is_last_group, middle, width}), .count_o(unused_groups)
  );
  fifo_sync #(.Width(32), .Depth(BufferGroups), .Style("distributed")) u_vectors (
    .clk_i, .rst_ni, .valid_i(has_vector), .ready_o(unused_vector_ready),
    .data_i({vector_is_finite, range_widest}), .valid_o(widest_valid), .ready_i(take_widest),
    .data_o({is_finite, widest}), .count_o(unused_vectors)
  );

  // The divider, each phase for one purpose.
  logic [30:0] step, fifteen, divisor;
  logic [31:0] quotient;
  always_comb begin
    unique case (phase_q)
      3'd1, 3'd2: divisor = step;
      3'd3:       divisor = 31'h4361_0000;  // 225
      default:    divisor = fifteen;
    endcase
  end
  fp_div #(.Subnormals(0)) u_divide (
    .clk_i, .en_i(1'b1), .a_i(phase_q == 3'd3 ? {1'b0, widest} : fp_pkg::One),
    .b_i({1'b0, divisor}), .quotient_o(quotient)
  );

  // Scales of vectors.
  logic        has_scale, scale_valid, scale_is_finite, group_is_finite;
  logic [15:0] scale, group_scale;
  logic [30:0] inverse_15;
  kv4_scale u_scale (
    .clk_i, .rst_ni, .phase_i(phase_q), .valid_i(widest_valid), .ready_o(take_widest),
    .is_finite_i(is_finite), .fifteen_o(fifteen), .quotient_i(quotient), .valid_o(has_scale),
    .scale_o(scale), .is_finite_o(scale_is_finite)
  );
  fifo_sync #(.Width(48), .Depth(BufferGroups), .Style("distributed")) u_scales (
    .clk_i, .rst_ni, .valid_i(has_scale), .ready_o(unused_scale_ready),
    .data_i({scale_is_finite, scale, quotient[30:0]}), .valid_o(scale_valid),
    .ready_i(start && is_last_group), .data_o({group_is_finite, group_scale, inverse_15}),
    .count_o(unused_scales)
  );

  // A group starts in phase 0 if there is room for what it gives.
  localparam int unsigned OutGroups = 32;
  localparam int unsigned CreditW   = $clog2(OutGroups) + 1;
  logic [CreditW-1:0] credits_q;
  assign start = phase_q == 3'd0 && has_group && scale_valid && credits_q != '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      started_q <= '0;
      credits_q <= CreditW'(OutGroups);
    end else begin
      if (phase_q == 3'd0) started_q <= {started_q[14:0], start};
      credits_q <= credits_q + CreditW'(valid_o && ready_i) - CreditW'(start);
    end
  end

  // Parameters, 56 cycles after the start.
  logic [30:0] whole_inverse, less_inverse, whole_error, less_error;
  logic [3:0]  whole_zero, less_zero, multiplier;
  logic [14:0] whole_step, less_step;
  logic [4:0]  exp;
  logic [15:0] whole_codes, less_codes, late_scale;
  logic        is_empty, is_last;
  kv4_group u_group (
    .clk_i, .phase_i(phase_q), .width_i(width), .middle_i(middle), .is_last_i(is_last_group),
    .scale_i(group_scale), .is_finite_i(group_is_finite), .inverse_i(inverse_15),
    .step_o(step), .quotient_i(quotient), .whole_inverse_o(whole_inverse),
    .less_inverse_o(less_inverse), .whole_zero_o(whole_zero), .less_zero_o(less_zero),
    .whole_step_o(whole_step), .less_step_o(less_step), .multiplier_o(multiplier), .exp_o(exp),
    .scale_o(late_scale), .is_empty_o(is_empty), .is_last_o(is_last)
  );

  // Both choices, and which is better, 61 cycles later.
  kv4_choice u_whole (
    .clk_i, .phase_i(phase_q), .beat_i(beat), .beat_13_i(beat_13), .inverse_i(whole_inverse),
    .zero_i(whole_zero), .step_i(whole_step), .exp_i(exp), .codes_o(whole_codes),
    .error_o(whole_error)
  );
  kv4_choice u_less (
    .clk_i, .phase_i(phase_q), .beat_i(beat), .beat_13_i(beat_13), .inverse_i(less_inverse),
    .zero_i(less_zero), .step_i(less_step), .exp_i(exp), .codes_o(less_codes),
    .error_o(less_error)
  );
  logic out_valid;
  logic [152:0] out;
  assign out_valid = phase_q == 3'd5 && started_q[15];
  kv4_pick u_pick (
    .clk_i, .phase_i(phase_q), .whole_codes_i(whole_codes), .less_codes_i(less_codes),
    .whole_error_i(whole_error), .less_error_i(less_error), .whole_zero_i(whole_zero),
    .less_zero_i(less_zero), .multiplier_i(multiplier), .scale_i(late_scale),
    .is_empty_i(is_empty), .is_last_i(is_last), .codes_o(out[127:0]), .group_o(out[135:128]),
    .scale_o(out[151:136]), .last_o(out[152])
  );
  logic [$clog2(OutGroups):0] unused_out;
  fifo_sync #(.Width(153), .Depth(OutGroups), .Style("distributed")) u_out (
    .clk_i, .rst_ni, .valid_i(out_valid), .ready_o(unused_out_ready), .data_i(out),
    .valid_o, .ready_i, .data_o({last_o, scale_o, group_o, codes_o}), .count_o(unused_out)
  );
endmodule
