// A8 of queries, four dimensions a cycle. A query waits in a memory until its largest magnitude has
// been through the divider, twice; then its codes leave as it came.
//
// A query's beats come without gaps, at least 16 of them.
module query_quantize (
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic         split_i,        // 64 dimensions
  input  logic         valid_i,
  input  logic [127:0] beat_i,
  input  logic         last_i,         // of the query
  output logic         scale_valid_o,  // QuantizeStages after the last beat
  output logic [31:0]  scale_o,
  output logic         start_o,        // the first codes will come in a cycle
  output logic         valid_o,
  output logic [31:0]  codes_o
);
  localparam logic [31:0] Largest = 32'h42FE_0000;  // 127
  localparam int unsigned Depth   = 128;
  localparam int unsigned AddrW   = $clog2(Depth);

  // Cycles 1 to 3: the largest magnitude so far.
  logic [30:0] pair [2];
  logic [30:0] pair_q [2];
  logic [30:0] beat, beat_q, largest, largest_q, amax_q;
  logic        valid1_q, last1_q, valid2_q, last2_q, is_first_q, has_amax_q;
  for (genvar i = 0; i < 2; i++) begin : gen_pair
    fp_larger_magnitude u_pair (
      .a_i(beat_i[64*i +: 31]), .b_i(beat_i[64*i+32 +: 31]), .larger_o(pair[i])
    );
  end
  fp_larger_magnitude u_beat (.a_i(pair_q[0]), .b_i(pair_q[1]), .larger_o(beat));
  fp_larger_magnitude u_largest (
    .a_i(beat_q), .b_i(largest_q & {31{!is_first_q}}), .larger_o(largest)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {valid1_q, valid2_q, has_amax_q} <= 3'b000;
      is_first_q <= 1'b1;
    end else begin
      {valid1_q, valid2_q} <= {valid_i, valid1_q};
      has_amax_q           <= valid2_q && last2_q;
      if (valid2_q) is_first_q <= last2_q;
    end
    pair_q[0] <= pair[0];
    pair_q[1] <= pair[1];
    beat_q    <= beat;
    {last1_q, last2_q} <= {last_i, last1_q};
    if (valid2_q) largest_q <= largest;
    if (valid2_q && last2_q) amax_q <= largest;
  end

  // Its quotients, one after the other.
  logic        is_second_q, has_inverse;
  logic [31:0] quotient, scale_quotient_q;
  logic [30:0] amax_late;
  always_ff @(posedge clk_i) is_second_q <= has_amax_q;
  fp_div u_divide (
    .clk_i, .en_i(1'b1), .a_i(is_second_q ? Largest : {1'b0, amax_q}),
    .b_i(is_second_q ? {1'b0, amax_q} : Largest), .quotient_o(quotient)
  );
  delay_line #(.Width(1), .Stages(fp_pkg::DivLatency + 1)) u_inverse (
    .clk_i, .clear_i(!rst_ni), .data_i(has_amax_q), .data_o(has_inverse)
  );
  delay_ring #(.Width(31), .Delay(fp_pkg::DivLatency + 1)) u_amax (
    .clk_i, .en_i(1'b1), .data_i(amax_q), .data_o(amax_late)
  );
  logic [31:0] scale, inverse, inverse_q;
  a8_rule u_rule (
    .amax_i(amax_late), .quotient_i(scale_quotient_q), .inverse_i(quotient), .scale_o(scale),
    .inverse_o(inverse)
  );
  always_ff @(posedge clk_i) begin
    scale_quotient_q <= quotient;
    if (has_inverse) begin
      scale_o   <= scale;
      inverse_q <= inverse;
    end
    if (!rst_ni) scale_valid_o <= 1'b0;
    else scale_valid_o <= has_inverse;
  end

  // The query comes out of the memory.
  logic [AddrW-1:0] write_q, read_q;
  logic [4:0]       left_q;
  logic             read, read_valid_q;
  logic [127:0]     held;
  assign read = has_inverse || left_q != '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q      <= '0;
      read_q       <= '0;
      left_q       <= '0;
      read_valid_q <= 1'b0;
    end else begin
      write_q      <= write_q + AddrW'(valid_i);
      read_q       <= read_q + AddrW'(read);
      read_valid_q <= read;
      if (has_inverse) left_q <= split_i ? 5'd15 : 5'd31;
      else if (read) left_q <= left_q - 1'b1;
    end
  end
  ram_1w1r #(.Width(128), .Depth(Depth), .Style("block")) u_held (
    .clk_i, .we_i(valid_i), .waddr_i(write_q), .wdata_i(beat_i), .re_i(read), .raddr_i(read_q),
    .rdata_o(held)
  );
  for (genvar i = 0; i < 4; i++) begin : gen_code
    a8_quantize u_code (
      .clk_i, .en_i(1'b1), .x_i(held[32*i +: 32]), .inverse_i(inverse_q),
      .code_o(codes_o[8*i +: 8])
    );
  end
  delay_line #(.Width(1), .Stages(fp_pkg::A8Latency)) u_valid (
    .clk_i, .clear_i(!rst_ni), .data_i(read_valid_q), .data_o(valid_o)
  );
  delay_line #(.Width(1), .Stages(fp_pkg::A8Latency)) u_start (
    .clk_i, .clear_i(!rst_ni), .data_i(has_inverse), .data_o(start_o)
  );
endmodule
