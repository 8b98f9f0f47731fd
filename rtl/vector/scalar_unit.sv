// Scalars of tokens: 1 / sqrt(sum / n + eps) of RMSNorm, and inverse and scale of A8. A request
// goes over all tokens of a pass, through one divider that takes something in each cycle; ready_o
// is high again when the results can be read.
module scalar_unit #(
  parameter int unsigned Slots = 4,  // a power of two, at least 2
  localparam int unsigned SlotW = $clog2(Slots)
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,        // only if ready_o
  output logic                ready_o,
  // Of a request; they stay until it is ready.
  input  logic                is_a8_i,        // not an inverse RMS
  input  logic                buffer_i,       // of activations: whose scale
  input  logic [SlotW-1:0]    last_token_i,
  input  logic [23:0]         n_i,            // elements of a vector
  input  logic [31:0]         eps_i,
  input  logic [Slots-1:0]    total_valid_i,  // [token]
  input  logic [32*Slots-1:0] total_i,        // [token]
  input  logic [31*Slots-1:0] largest_i,      // [token]
  output logic [Slots-1:0]    clear_o,        // [token]: its largest magnitude has been used
  // A scalar, combinational.
  input  vector_pkg::scalar_e scalar_i,
  input  logic [SlotW-1:0]    token_i,
  output logic [31:0]         scalar_o
);
  localparam logic [31:0] Float127 = 32'h42FE_0000;
  localparam int unsigned KindW = 2;
  localparam logic [KindW-1:0] Mean    = 2'd0;  // sum / n
  localparam logic [KindW-1:0] Invert  = 2'd1;  // 1 / root
  localparam logic [KindW-1:0] Scale   = 2'd2;  // amax / 127
  localparam logic [KindW-1:0] Inverse = 2'd3;  // 127 / amax
  localparam int unsigned TagW = KindW + SlotW;

  // Tokens enter one after the other, with A8 in two cycles each; roots go first.
  logic             is_busy_q, is_open_q, phase_q, writes, is_last_write;
  logic [SlotW-1:0] token_q;
  logic             root_valid, can_enter, enters, has_n, unused_n;
  assign ready_o   = !is_busy_q;
  assign can_enter = is_open_q && (is_a8_i || total_valid_i[token_q]);
  assign enters    = can_enter && !root_valid;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      is_busy_q <= 1'b0;
      is_open_q <= 1'b0;
    end else if (!is_busy_q) begin
      is_busy_q <= start_i;
      phase_q   <= 1'b0;
      token_q   <= '0;
    end else begin
      if (has_n) is_open_q <= 1'b1;
      if (enters) begin
        phase_q <= is_a8_i && !phase_q;
        if (!is_a8_i || phase_q) begin
          token_q   <= token_q + 1'b1;
          is_open_q <= token_q != last_token_i;
        end
      end
      if (writes && is_last_write) is_busy_q <= 1'b0;
    end
  end

  pipe_valid #(.Width(1), .Stages(fp_pkg::FromIntLatency)) u_has_n (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(!is_busy_q && start_i), .data_i(1'b0), .valid_o(has_n),
    .data_o(unused_n)
  );

  // The divider.
  logic [31:0]      n, root, dividend, divisor, quotient, amax;
  logic [TagW-1:0]  tag_in, tag;
  logic [SlotW-1:0] root_token, token;
  logic [KindW-1:0] kind;
  logic             has_quotient;
  int_to_fp #(.Width(32)) u_n (.clk_i, .en_i(1'b1), .int_i({8'd0, n_i}), .result_o(n));
  assign amax = {1'b0, largest_i[31*token_q +: 31]};
  always_comb begin
    if (root_valid) begin
      tag_in   = {Invert, root_token};
      dividend = fp_pkg::One;
      divisor  = root;
    end else if (!is_a8_i) begin
      tag_in   = {Mean, token_q};
      dividend = total_i[32*token_q +: 32];
      divisor  = n;
    end else if (!phase_q) begin
      tag_in   = {Scale, token_q};
      dividend = amax;
      divisor  = Float127;
    end else begin
      tag_in   = {Inverse, token_q};
      dividend = Float127;
      divisor  = amax;
    end
  end
  logic [31:0]     dividend_q, divisor_q;
  logic [TagW-1:0] tag_q;
  logic            divides_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) divides_q <= 1'b0;
    else divides_q <= enters || root_valid;
    dividend_q <= dividend;
    divisor_q  <= divisor;
    tag_q      <= tag_in;
  end
  fp_div u_divide (
    .clk_i, .en_i(1'b1), .a_i(dividend_q), .b_i(divisor_q), .quotient_o(quotient)
  );
  pipe_valid #(.Width(TagW), .Stages(fp_pkg::DivLatency)) u_tag (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(divides_q), .data_i(tag_q), .valid_o(has_quotient),
    .data_o(tag)
  );
  assign {kind, token} = tag;

  // Means: plus eps, then the root, one after the other.
  logic [31:0]      shifted, radicand;
  logic [SlotW-1:0] shifted_token, radicand_token, root_token_q;
  logic             is_shifted, has_radicand, takes_root, unused_ready;
  logic [SlotW:0]   unused_count;
  fp_add u_eps (.clk_i, .en_i(1'b1), .a_i(quotient), .b_i(eps_i), .sum_o(shifted));
  pipe_valid #(.Width(SlotW), .Stages(fp_pkg::AddLatency)) u_shifted (
    .clk_i, .rst_ni, .en_i(1'b1), .valid_i(has_quotient && kind == Mean), .data_i(token),
    .valid_o(is_shifted), .data_o(shifted_token)
  );
  fifo_sync #(.Width(32 + SlotW), .Depth(Slots), .Style("distributed")) u_radicands (
    .clk_i, .rst_ni, .valid_i(is_shifted), .ready_o(unused_ready),
    .data_i({shifted_token, shifted}), .valid_o(has_radicand), .ready_i(takes_root),
    .data_o({radicand_token, radicand}), .count_o(unused_count)
  );
  fp_sqrt u_root (
    .clk_i, .rst_ni, .valid_i(has_radicand), .ready_o(takes_root), .x_i(radicand),
    .valid_o(root_valid), .ready_i(1'b1), .root_o(root)
  );
  always_ff @(posedge clk_i) begin
    if (has_radicand && takes_root) root_token_q <= radicand_token;
  end
  assign root_token = root_token_q;

  // A8's quotients follow each other: the scale waits for the inverse, and is written after it.
  logic [31:0]      quotient_q, scale, inverse, scale_q;
  logic [SlotW-1:0] scale_token_q;
  logic             has_inverse, has_scale_q;
  assign has_inverse = has_quotient && kind == Inverse;
  a8_rule u_rule (
    .amax_i(largest_i[31*token +: 31]), .quotient_i(quotient_q), .inverse_i(quotient),
    .scale_o(scale), .inverse_o(inverse)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) has_scale_q <= 1'b0;
    else has_scale_q <= has_inverse;
    quotient_q    <= quotient;
    scale_q       <= scale;
    scale_token_q <= token;
  end
  assign clear_o = has_inverse ? Slots'(1) << token : '0;

  // What is kept.
  logic [SlotW+1:0] waddr;
  logic [31:0]      wdata;
  always_comb begin
    if (has_scale_q) waddr = {1'b1, buffer_i, scale_token_q};
    else waddr = {1'b0, has_inverse, token};
    wdata = has_scale_q ? scale_q : has_inverse ? inverse : quotient;
  end
  assign writes        = has_scale_q || has_inverse || (has_quotient && kind == Invert);
  assign is_last_write = waddr[SlotW-1:0] == last_token_i && !has_inverse;
  (* ram_style = "distributed" *)
  logic [31:0] scalars [4*Slots];
  always_ff @(posedge clk_i) begin
    if (writes) scalars[waddr] <= wdata;
  end
  assign scalar_o = scalars[{scalar_i, token_i}];
  if (Slots < 2 || 2 ** SlotW != Slots) begin : gen_check_slots
    $error("Slots must be a power of two, at least 2");
  end
endmodule
